using ShopMesh;
using ShopMesh.Identity;
using ShopMesh.Identity.Api;
using ShopMesh.Identity.Data;

var builder = ServiceDefaults.CreateService("identity", args, IdentityJson.Default);
builder.AddDatabase<IdentityContext>();
builder.AddAccounts();
builder.AddTokenServer();
builder.Services.AddValidation();

var app = builder.Build();
app.UseKeys();
app.UseServiceDefaults();
app.MapTokens();
app.MapAccounts();
await app.RunServiceAsync<IdentityContext>(args, prepare: Preparation.PrepareAsync, seed: DemoAccounts.SeedAsync);

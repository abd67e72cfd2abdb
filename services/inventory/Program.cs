using ShopMesh;
using ShopMesh.Inventory;
using ShopMesh.Inventory.Api;
using ShopMesh.Inventory.Data;
using ShopMesh.Inventory.Grpc;

var builder = ServiceDefaults.CreateService("inventory", args, InventoryJson.Default);
builder.AddDatabase<InventoryContext>();
builder.Services.AddSingleton<Reservations>();
builder.Services.AddValidation();

var app = builder.Build();
app.UseServiceDefaults();
app.MapAvailability();
app.MapStock();
app.MapGrpcService<InventoryService>();
await app.RunServiceAsync<InventoryContext>(args, DemoStock.SeedAsync);

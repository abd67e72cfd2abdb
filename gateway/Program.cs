using ShopMesh;
using ShopMesh.Gateway;

var builder = ServiceDefaults.CreateHost("gateway", args, new("Public", "http://*:8080", "Http1"), new("Operations", "http://*:8082", "Http1"));
builder.AddProxy();
builder.AddLimits();
builder.AddHotReads();
builder.AddApiDocument();

var app = builder.Build();
app.UseOperations("Operations", exclusive: true);
app.UseClientAddress();
app.UseExceptionHandler();
app.UseRateLimiter();
app.UseHotReads();
// What a hot read does not need comes after it.
app.UseStatusCodePages();
app.UseRequestTimeouts();
// YARP brings it, and it would come first.
app.UseAuthorization();
app.MapGet("/", () => TypedResults.Redirect("/docs")).ExcludeFromDescription();
app.MapApiDocument();
app.MapProxy();
await app.RunAsync();

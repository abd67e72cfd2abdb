using ShopMesh;
using ShopMesh.Shipping;
using ShopMesh.Shipping.Api;
using ShopMesh.Shipping.Data;
using ShopMesh.Shipping.Grpc;

var builder = ServiceDefaults.CreateService("shipping", args, ShippingJson.Default);
builder.AddDatabase<ShippingContext>();
builder.Services.Configure<ShippingOptions>(builder.Configuration.GetSection("Shipping"));
builder.Services.AddSingleton<Parcels>();
builder.Services.AddHostedService<Carrier>();
builder.Services.AddValidation();

var app = builder.Build();
app.UseServiceDefaults();
app.MapRates();
app.MapShipmentAdministration();
app.MapGrpcService<ShippingService>();
await app.RunServiceAsync<ShippingContext>(args);

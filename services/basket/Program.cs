using ShopMesh;
using ShopMesh.Basket;
using ShopMesh.Basket.Api;
using ShopMesh.Basket.Data;
using ShopMesh.Basket.Grpc;
using ShopMesh.Catalog.V1;

var builder = ServiceDefaults.CreateService("basket", args, BasketJson.Default);
builder.AddDatabase<BasketContext>();
builder.AddMeshClient<Catalog.CatalogClient>("catalog");
builder.Services.AddSingleton<BasketRows>();
builder.Services.AddSingleton<ProductCache>();
builder.Services.AddSingleton<PricedBasket>();
builder.Services.AddValidation();

var app = builder.Build();
app.UseServiceDefaults();
app.MapBasket();
app.MapGrpcService<BasketService>();
await app.RunServiceAsync<BasketContext>(args);

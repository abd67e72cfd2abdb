using ShopMesh;
using ShopMesh.Catalog.Api;
using ShopMesh.Catalog.Data;
using ShopMesh.Catalog.Grpc;

var builder = ServiceDefaults.CreateService("catalog", args, CatalogJson.Default);
builder.AddDatabase<CatalogContext>();
builder.Services.AddValidation();

var app = builder.Build();
app.UseServiceDefaults();
app.MapProducts();
app.MapProductPictures();
app.MapGrpcService<CatalogService>();
await app.RunServiceAsync<CatalogContext>(args, DemoCatalog.SeedAsync);

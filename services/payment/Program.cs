using ShopMesh;
using ShopMesh.Payment;
using ShopMesh.Payment.Api;
using ShopMesh.Payment.Data;
using ShopMesh.Payment.Grpc;

var builder = ServiceDefaults.CreateService("payment", args, PaymentJson.Default);
builder.AddDatabase<PaymentContext>();
builder.Services.AddSingleton<Payments>();
builder.Services.AddValidation();

var app = builder.Build();
app.UseServiceDefaults();
app.MapTokens();
app.MapPaymentAdministration();
app.MapGrpcService<PaymentService>();
await app.RunServiceAsync<PaymentContext>(args);

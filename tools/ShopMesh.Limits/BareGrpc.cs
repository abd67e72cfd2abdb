using Grpc.Core;
using ShopMesh.Limits.V1;

namespace ShopMesh.Limits;

/// <summary>A gRPC service that says what it was told.</summary>
internal static class BareGrpc
{
    public static WebApplication Build(WebApplicationBuilder builder)
    {
        builder.Services.AddGrpc();
        var app = builder.Build();
        app.MapGrpcService<EchoService>();
        return app;
    }

    private sealed class EchoService : Echo.EchoBase
    {
        public override Task<EchoMessage> Say(EchoMessage request, ServerCallContext context) => Task.FromResult(request);
    }
}

using Google.Protobuf;
using Grpc.Core;
using Grpc.Net.Client;
using ShopMesh.Catalog.V1;
using ShopMesh.Limits.V1;
using ShopMesh.Shipping.V1;

namespace ShopMesh.Bench.Driving;

/// <summary>Unary calls over one channel, as a service makes them.</summary>
/// <param name="token">A service's; null where none is asked for.</param>
internal sealed class GrpcCalls(Uri address, string? token = null) : IDisposable
{
    private readonly GrpcChannel _channel = GrpcChannel.ForAddress(address);
    private readonly Metadata _headers = token is null ? [] : new() { { "Authorization", $"Bearer {token}" } };

    /// <summary>To a service that answers with what it was sent.</summary>
    public Func<Task> Echo(IMessage content)
    {
        var client = new Echo.EchoClient(_channel.CreateCallInvoker());
        var message = new EchoMessage { Content = content.ToByteString() };
        return async () => await client.SayAsync(message, _headers);
    }

    /// <summary>To shipping, which keeps its rates in memory.</summary>
    public Func<Task<GetRatesResponse>> Rates()
    {
        var client = new Shipping.V1.Shipping.ShippingClient(_channel.CreateCallInvoker());
        var request = new GetRatesRequest();
        return async () => await client.GetRatesAsync(request, _headers);
    }

    /// <summary>To catalog, which asks its database for one product of those.</summary>
    public Func<long, Task> Product(IReadOnlyList<string> ids)
    {
        var client = new Catalog.V1.Catalog.CatalogClient(_channel.CreateCallInvoker());
        return async number =>
        {
            var response = await client.GetProductsAsync(new() { Ids = { ids[(int)(number % ids.Count)] } }, _headers);
            if (response.Products.Count != 1)
                throw new Hosting.ShopException($"catalog does not know a product of its own: {ids[(int)(number % ids.Count)]}");
        };
    }

    public void Dispose() => _channel.Dispose();
}

using Grpc.Core;
using Grpc.Net.Client.Balancer;
using Microsoft.Extensions.Logging.Abstractions;

namespace ShopMesh.Tests;

public sealed class ResolverTests
{
    [Fact]
    public async Task A_name_is_resolved_to_the_addresses_behind_it()
    {
        var result = await ResolveAsync("dns:///localhost:8081");

        Assert.Equal(["127.0.0.1:8081"], result.Addresses!.Select(address => address.EndPoint.ToString()));
    }

    [Fact]
    public async Task A_name_that_was_never_resolved_is_unavailable()
    {
        var result = await ResolveAsync("dns:///no-such-service.invalid:8081");

        Assert.Equal(StatusCode.Unavailable, result.Status.StatusCode);
    }

    private static async Task<ResolverResult> ResolveAsync(string address)
    {
        using var resolver = new HeadlessDnsResolver(new(address), NullLoggerFactory.Instance, TimeProvider.System);
        var answered = new TaskCompletionSource<ResolverResult>();
        resolver.Start(result => answered.TrySetResult(result));
        return await answered.Task.WaitAsync(TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken);
    }
}

using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Primitives;
using Yarp.ReverseProxy.Configuration;
using Yarp.ReverseProxy.ServiceDiscovery;

namespace ShopMesh.Gateway;

/// <summary>
/// Follows the pods behind each name, look-up by look-up, every second. A name that cannot be looked up keeps its last answer,
/// disturbs no other, and does not stop the gateway; an address is taken as it is.
/// </summary>
internal sealed class PodResolver : IDestinationResolver
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    private readonly Dictionary<string, IPAddress[]> _last = [];
    private readonly Lock _lock = new();

    public async ValueTask<ResolvedDestinationCollection> ResolveDestinationsAsync(IReadOnlyDictionary<string, DestinationConfig> destinations, CancellationToken cancellationToken)
    {
        var pods = new Dictionary<string, DestinationConfig>();
        var hasNames = false;
        foreach (var (name, destination) in destinations)
        {
            var address = new Uri(destination.Address);
            if (address.HostNameType is not UriHostNameType.Dns)
            {
                pods[name] = destination;
                continue;
            }

            hasNames = true;
            foreach (var pod in await LookUpAsync(address.Host, cancellationToken))
                pods[$"{name}[{pod}]"] = destination with { Address = new UriBuilder(address) { Host = pod.ToString() }.Uri.ToString() };
        }

        return new(pods, hasNames ? new CancellationChangeToken(new CancellationTokenSource(Interval).Token) : null);
    }

    private async Task<IPAddress[]> LookUpAsync(string host, CancellationToken cancellationToken)
    {
        try
        {
            var found = await Dns.GetHostAddressesAsync(host, AddressFamily.InterNetwork, cancellationToken);
            if (found.Length > 0)
            {
                lock (_lock)
                    _last[host] = found;
            }
        }
        catch (SocketException)
        {
            // The last answer is better than none.
        }

        lock (_lock)
            return _last.GetValueOrDefault(host, []);
    }
}

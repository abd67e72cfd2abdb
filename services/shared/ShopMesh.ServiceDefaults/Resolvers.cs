using System.Net;
using System.Net.Sockets;
using Grpc.Core;
using Grpc.Net.Client.Balancer;
using Microsoft.Extensions.Logging;

namespace ShopMesh;

/// <summary><c>dns:///name:port</c>, in place of the library's, which holds a floor of 15 s between look-ups.</summary>
internal sealed class HeadlessDnsResolverFactory(TimeProvider time) : ResolverFactory
{
    public override string Name => "dns";

    public override Resolver Create(ResolverOptions options) => new HeadlessDnsResolver(options.Address, options.LoggerFactory, time);
}

/// <summary>
/// Follows the pods behind a headless Service: looks its name up every second, keeps the last good answer when DNS fails,
/// and tells the balancer only of changes.
/// </summary>
internal sealed class HeadlessDnsResolver(Uri address, ILoggerFactory loggerFactory, TimeProvider time) : PollingResolver(loggerFactory)
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    private readonly (string Host, int Port) _target = Parse(address);
    private ITimer? _timer;
    private IPAddress[] _last = [];

    protected override void OnStarted()
    {
        base.OnStarted();
        _timer = time.CreateTimer(_ => Refresh(), null, Interval, Interval);
    }

    protected override async Task ResolveAsync(CancellationToken cancellationToken)
    {
        IPAddress[] found;
        try
        {
            // IPv4 alone: asking for both doubles the look-ups, and a Service has one family by default.
            found = await Dns.GetHostAddressesAsync(_target.Host, AddressFamily.InterNetwork, cancellationToken);
        }
        catch (SocketException e)
        {
            if (_last.Length == 0)
                Listener(ResolverResult.ForFailure(new(StatusCode.Unavailable, $"'{_target.Host}' has no address yet.", e)));
            return;
        }

        Array.Sort(found, static (left, right) => left.GetAddressBytes().AsSpan().SequenceCompareTo(right.GetAddressBytes()));
        if (found.Length == 0 || found.AsSpan().SequenceEqual(_last))
            return;
        _last = found;
        Listener(ResolverResult.ForResult([.. found.Select(ip => new BalancerAddress(ip.ToString(), _target.Port))]));
    }

    protected override void Dispose(bool disposing)
    {
        _timer?.Dispose();
        base.Dispose(disposing);
    }

    private static (string Host, int Port) Parse(Uri address) =>
        Uri.TryCreate($"http://{address.AbsolutePath.TrimStart('/')}", UriKind.Absolute, out var target)
            ? (target.Host, target.Port)
            : throw new ArgumentException($"'{address}' is not of the form dns:///name:port.", nameof(address));
}

/// <summary><c>static:///host:port,host:port</c>: pods at fixed addresses, as in a local run.</summary>
internal sealed class StaticListResolverFactory : ResolverFactory
{
    public override string Name => "static";

    public override Resolver Create(ResolverOptions options) => new StaticListResolver(options.Address);

    private sealed class StaticListResolver(Uri address) : Resolver
    {
        public override void Start(Action<ResolverResult> listener) => listener(ResolverResult.ForResult(
            [.. address.AbsolutePath.TrimStart('/').Split(',').Select(target => new Uri($"http://{target}")).Select(target => new BalancerAddress(target.Host, target.Port))]));
    }
}

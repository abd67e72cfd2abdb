using System.Collections.Concurrent;
using System.Diagnostics;

namespace ShopMesh.Load;

/// <summary>
/// The connections to a shop. It is the handler without HttpClient around it, whose timeout costs each request a linked cancellation
/// and whose buffering copies each body.
/// </summary>
internal sealed class ShopClient(LoadOptions options) : IDisposable
{
    private readonly HttpMessageInvoker _requests = new(NewHandler(options, options.MaxConnections));
    private readonly HttpMessageInvoker _streams = new(NewHandler(options, int.MaxValue));
    private readonly ConcurrentBag<CancellationTokenSource> _timeouts = [];

    public TimeSpan Timeout => options.Timeout;

    public TimeSpan WatchTimeout => options.WatchTimeout;

    public Uri At(string path) => new(options.Gateway, path);

    public Task<HttpResponseMessage> SendAsync(HttpRequestMessage message, CancellationToken cancellationToken) => _requests.SendAsync(message, cancellationToken);

    public Task<HttpResponseMessage> OpenStreamAsync(HttpRequestMessage message, CancellationToken cancellationToken) => _streams.SendAsync(message, cancellationToken);

    /// <summary>Cancels when a request that begins now has taken too long.</summary>
    public CancellationTokenSource RentTimeout()
    {
        var timeout = _timeouts.TryTake(out var used) ? used : new();
        timeout.CancelAfter(options.Timeout);
        return timeout;
    }

    public void ReturnTimeout(CancellationTokenSource timeout)
    {
        if (timeout.TryReset())
            _timeouts.Add(timeout);
        else
            timeout.Dispose();
    }

    public void Dispose()
    {
        _requests.Dispose();
        _streams.Dispose();
        while (_timeouts.TryTake(out var timeout))
            timeout.Dispose();
    }

    private static SocketsHttpHandler NewHandler(LoadOptions options, int connections) => new()
    {
        UseProxy = false,
        UseCookies = false,
        AllowAutoRedirect = false,
        ConnectTimeout = TimeSpan.FromSeconds(5),
        PooledConnectionLifetime = options.ConnectionLifetime,
        MaxConnectionsPerServer = connections,
        ActivityHeadersPropagator = DistributedContextPropagator.CreateNoOutputPropagator(),
    };
}

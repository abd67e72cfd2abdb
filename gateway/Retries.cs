using System.Threading.RateLimiting;
using Yarp.ReverseProxy.Forwarder;

namespace ShopMesh.Gateway;

/// <summary>
/// Asks another pod when one was not reached, or broke off before it answered. What was never sent is sent again whatever it is;
/// what may have been received only if it changes nothing. A budget keeps retries from adding to an overload.
/// </summary>
internal sealed class Retries : IMiddleware, IDisposable
{
    private const int MaxTries = 3;

    private readonly TokenBucketRateLimiter _budget = new(new()
    {
        TokenLimit = 100,
        TokensPerPeriod = 50,
        ReplenishmentPeriod = TimeSpan.FromSeconds(1),
        QueueLimit = 0,
    });

    public async Task InvokeAsync(HttpContext context, RequestDelegate next)
    {
        var proxy = context.GetReverseProxyFeature();
        // Load balancing narrows the feature's list down to its choice.
        var untried = proxy.AvailableDestinations;
        for (var attempt = 1; ; attempt++)
        {
            await next(context);
            if (context.GetForwarderErrorFeature() is not { } error || context.Response.HasStarted)
                return;

            untried = [.. untried.Where(pod => pod != proxy.ProxiedDestination)];
            if (attempt == MaxTries || untried.Count == 0 || !MayRepeat(context.Request, error) || !_budget.AttemptAcquire().IsAcquired)
            {
                // Nobody was there: a client may send it again, whatever it is.
                if (WasNeverSent(error))
                    context.Response.StatusCode = StatusCodes.Status503ServiceUnavailable;
                return;
            }

            proxy.AvailableDestinations = untried;
            context.Features.Set<IForwarderErrorFeature>(null);
            context.Response.Clear();
        }
    }

    public void Dispose() => _budget.Dispose();

    private static bool MayRepeat(HttpRequest request, IForwarderErrorFeature error) =>
        WasNeverSent(error) || (error.Error is ForwarderError.Request && (HttpMethods.IsGet(request.Method) || HttpMethods.IsHead(request.Method)));

    private static bool WasNeverSent(IForwarderErrorFeature error) =>
        error.Exception is HttpRequestException { HttpRequestError: HttpRequestError.ConnectionError or HttpRequestError.NameResolutionError };
}

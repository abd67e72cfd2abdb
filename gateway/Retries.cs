using System.Threading.RateLimiting;
using Microsoft.AspNetCore.Http.Timeouts;
using Yarp.ReverseProxy.Forwarder;
using Yarp.ReverseProxy.Model;

namespace ShopMesh.Gateway;

/// <summary>
/// Asks another pod when one was not reached, or broke off before the client was told anything. What was never sent is sent again whatever it is;
/// what may have been received only if it changes nothing. A budget keeps retries from adding to an overload.
/// </summary>
internal sealed class Retries : IDisposable
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
        var available = proxy.AvailableDestinations;
        List<DestinationState> tried = [];
        for (var attempt = 1; ; attempt++)
        {
            await next(context);
            if (context.GetForwarderErrorFeature() is not { } error || context.Response.HasStarted)
                return;
            // To the proxy a timeout looks like a client that went away.
            if (context.Features.Get<IHttpRequestTimeoutFeature>() is { RequestTimeoutToken.IsCancellationRequested: true })
            {
                context.Response.StatusCode = StatusCodes.Status504GatewayTimeout;
                return;
            }

            if (proxy.ProxiedDestination is { } pod)
                tried.Add(pod);
            List<DestinationState> untried = [.. available.Except(tried)];
            // One that has failed lately may be back.
            if (untried.Count == 0)
                untried = [.. proxy.AllDestinations.Except(tried)];
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
        WasNeverSent(error) || (error.Error is ForwarderError.Request or ForwarderError.ResponseBodyDestination && (HttpMethods.IsGet(request.Method) || HttpMethods.IsHead(request.Method)));

    private static bool WasNeverSent(IForwarderErrorFeature error) =>
        error.Exception is HttpRequestException { HttpRequestError: HttpRequestError.ConnectionError or HttpRequestError.NameResolutionError };
}

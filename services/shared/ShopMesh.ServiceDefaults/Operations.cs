using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace ShopMesh;

/// <summary>Whether this pod wants traffic: from when everything that it needs to start was there, until it is asked to stop.</summary>
public sealed class Readiness(IHostApplicationLifetime lifetime)
{
    private Func<bool> _hasStarted = () => true;

    public bool IsReady => _hasStarted() && !lifetime.ApplicationStopping.IsCancellationRequested;

    /// <summary>Adds something that the pod needs to start; to be called before it runs.</summary>
    public void Require(Func<bool> isThere)
    {
        var others = _hasStarted;
        _hasStarted = () => others() && isThere();
    }
}

/// <summary>
/// Probes and metrics, for the kubelet and Prometheus alone: they answer on the operations port and nowhere else,
/// told apart by the local port, since a client can forge a Host header.
/// </summary>
/// <remarks>Readiness is a plain answer and not a health check, which would log a failure at each probe of a draining pod.</remarks>
public static class Operations
{
    /// <param name="endpoint">The Kestrel endpoint, by its name in the configuration, whose port is the operations port.</param>
    /// <param name="exclusive">Whether that port answers nothing else.</param>
    public static void UseOperations(this WebApplication app, string endpoint, bool exclusive = false)
    {
        var url = app.Configuration[$"Kestrel:Endpoints:{endpoint}:Url"] ?? throw new InvalidOperationException($"Kestrel:Endpoints:{endpoint}:Url is not set.");
        var port = BindingAddress.Parse(url).Port;
        var readiness = app.Services.GetRequiredService<Readiness>();
        var version = Telemetry.Version(app.Configuration);

        app.UseFarewell();
        // One look at the port is all that it costs the others.
        app.MapWhen(context => context.Connection.LocalPort == port && (exclusive || IsOperation(context.Request.Path)), operations =>
        {
            operations.UseOpenTelemetryPrometheusScrapingEndpoint("/metrics");
            operations.Run(context => context.Request.Path.Value switch
            {
                "/health/live" => context.Response.WriteAsync(version),
                "/health/ready" => Answer(context, readiness.IsReady ? StatusCodes.Status200OK : StatusCodes.Status503ServiceUnavailable),
                _ => Answer(context, StatusCodes.Status404NotFound),
            });
        });
    }

    private static bool IsOperation(PathString path) => path.Value is "/health/live" or "/health/ready" or "/metrics";

    private static Task Answer(HttpContext context, int status)
    {
        context.Response.StatusCode = status;
        return Task.CompletedTask;
    }

    /// <summary>
    /// From when the pod is asked to stop, every answer over HTTP/1.1 closes its connection: else a client could send its next request
    /// on one that is being closed. HTTP/2 has GOAWAY for it.
    /// </summary>
    private static void UseFarewell(this WebApplication app) => app.Use((context, next) =>
    {
        if (app.Lifetime.ApplicationStopping.IsCancellationRequested && HttpProtocol.IsHttp11(context.Request.Protocol))
        {
            context.Response.OnStarting(() =>
            {
                context.Response.Headers.Connection = "close";
                return Task.CompletedTask;
            });
        }

        return next(context);
    });
}

/// <summary>
/// The argument <c>health</c>: asks the service that runs in this container whether it is ready, and ends with exit code 0 or 1.
/// Compose's health checks are commands, and the images have neither a shell nor curl.
/// </summary>
internal static class HealthCommand
{
    public static void RunIfAsked(string[] args, IReadOnlyList<ListeningEndpoint> endpoints)
    {
        if (args is not ["health"])
            return;
        var operations = endpoints.First(endpoint => endpoint.Name is "Operations" or "Http");
        using var http = new HttpClient { Timeout = TimeSpan.FromSeconds(5) };
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri($"http://localhost:{BindingAddress.Parse(operations.Url).Port}/health/ready"));
        try
        {
            using var response = http.Send(request);
            Environment.Exit(response.IsSuccessStatusCode ? 0 : 1);
        }
        catch (Exception e) when (e is HttpRequestException or TaskCanceledException)
        {
            Environment.Exit(1);
        }
    }
}

/// <summary>
/// Keeps serving for <c>Shutdown:Drain</c> after the pod was asked to stop, until its callers have seen it leave:
/// Kestrel stops listening only when <see cref="StoppingAsync"/> is through.
/// </summary>
public sealed class Drain(IConfiguration configuration, TimeProvider time) : IHostedLifecycleService, IDisposable
{
    private readonly CancellationTokenSource _over = new();

    /// <summary>What the gateway gives a request (<c>Limits:RequestTimeout</c>): the last that came in may take it after the drain.</summary>
    internal static readonly TimeSpan LongestRequest = TimeSpan.FromSeconds(30);

    /// <summary>Cancelled when the drain is over: what would go on for ever ends, and its client goes on elsewhere.</summary>
    public CancellationToken Over => _over.Token;

    public async Task StoppingAsync(CancellationToken cancellationToken)
    {
        try
        {
            await Task.Delay(Duration(configuration), time, cancellationToken);
        }
        finally
        {
            await _over.CancelAsync();
        }
    }

    internal static TimeSpan Duration(IConfiguration configuration) => configuration.GetValue("Shutdown:Drain", TimeSpan.Zero);

    public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public void Dispose() => _over.Dispose();
}

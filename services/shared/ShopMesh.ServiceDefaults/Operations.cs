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

        app.MapWhen(IsFor("/health/live"), branch => branch.Run(_ => Task.CompletedTask));
        app.MapWhen(IsFor("/health/ready"), branch => branch.Run(context =>
        {
            context.Response.StatusCode = readiness.IsReady ? StatusCodes.Status200OK : StatusCodes.Status503ServiceUnavailable;
            return Task.CompletedTask;
        }));
        app.UseOpenTelemetryPrometheusScrapingEndpoint(IsFor("/metrics"));
        if (exclusive)
        {
            app.MapWhen(context => context.Connection.LocalPort == port, branch => branch.Run(context =>
            {
                context.Response.StatusCode = StatusCodes.Status404NotFound;
                return Task.CompletedTask;
            }));
        }

        Func<HttpContext, bool> IsFor(string path) => context => context.Connection.LocalPort == port && context.Request.Path == path;
    }
}

/// <summary>
/// Keeps serving for <c>Shutdown:Drain</c> after the pod was asked to stop, until its callers have seen it leave:
/// Kestrel stops listening only when <see cref="StoppingAsync"/> is through.
/// </summary>
internal sealed class Drain(IConfiguration configuration, TimeProvider time) : IHostedLifecycleService
{
    public Task StoppingAsync(CancellationToken cancellationToken) => Task.Delay(Duration(configuration), time, cancellationToken);

    public static TimeSpan Duration(IConfiguration configuration) => configuration.GetValue("Shutdown:Drain", TimeSpan.Zero);

    public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}

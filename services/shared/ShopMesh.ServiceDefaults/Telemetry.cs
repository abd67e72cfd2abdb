using System.Diagnostics.Metrics;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Npgsql;
using OpenTelemetry;
using OpenTelemetry.Logs;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace ShopMesh;

internal static class Telemetry
{
    /// <summary>Meters and activity sources of the shop's own are named "ShopMesh.*".</summary>
    private const string Own = "ShopMesh.*";

    /// <summary>As the image was told.</summary>
    public static string Version(IConfiguration configuration) => configuration["VERSION"] ?? "dev";

    /// <summary>
    /// Metrics for Prometheus always; traces, and what goes out by OTLP, only when the standard variable
    /// <c>OTEL_EXPORTER_OTLP_ENDPOINT</c> is set: without it nothing listens, and nothing is paid.
    /// </summary>
    public static void AddTelemetry(this WebApplicationBuilder builder, string service)
    {
        builder.Logging.ClearProviders().AddJsonConsole(options =>
        {
            options.IncludeScopes = true;
            options.UseUtcTimestamp = true;
            options.TimestampFormat = "yyyy-MM-ddTHH:mm:ss.fffZ";
        });

        var exports = !string.IsNullOrEmpty(builder.Configuration["OTEL_EXPORTER_OTLP_ENDPOINT"]);
        var telemetry = builder.Services.AddOpenTelemetry()
            .ConfigureResource(resource => resource.AddService(service, "shopmesh", Version(builder.Configuration)))
            .WithMetrics(metrics => metrics
                .AddHttpClientInstrumentation()
                .AddRuntimeInstrumentation()
                // Of ASP.NET Core what is asked for: its routing, limits and diagnostics count each request once more.
                .AddMeter("Microsoft.AspNetCore.Hosting", "Microsoft.AspNetCore.Server.Kestrel", "Npgsql", Own)
                .AddView(View)
                // What it says is never older than the question: some count before and after.
                .AddPrometheusExporter(options => options.ScrapeResponseCacheDurationMilliseconds = 0));
        if (!exports)
            return;

        telemetry
            .WithTracing(tracing => tracing
                .AddAspNetCoreInstrumentation(options => options.Filter = context => !context.Request.Path.StartsWithSegments("/health") && context.Request.Path != "/metrics")
                .AddHttpClientInstrumentation()
                // Both are links of the chain: without them a trace breaks in two at the gateway or at a call.
                .AddSource("Grpc.Net.Client", "Yarp.ReverseProxy", Own)
                .AddNpgsql())
            .WithLogging()
            .UseOtlpExporter();
    }

    private static MetricStreamConfiguration? View(Instrument instrument) => instrument switch
    {
        // How many are under way would be counted twice for each: it is their rate times their duration (Little's law).
        { Name: "http.server.active_requests" or "http.client.active_requests" or "db.client.operation.npgsql.executing" } => MetricStreamConfiguration.Drop,
        // Calls go to as many pods as there are.
        _ when instrument.Meter.Name.StartsWith("System.Net.", StringComparison.Ordinal) => null,
        // Room for 2,000 combinations of tags would be set aside for each instrument.
        _ => new() { CardinalityLimit = 200 },
    };
}

using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Configuration.Memory;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;

namespace ShopMesh;

/// <param name="Protocols">Kestrel's name for them: Http1, Http2.</param>
public sealed record ListeningEndpoint(string Name, string Url, string Protocols)
{
    internal IEnumerable<KeyValuePair<string, string?>> ToConfiguration() =>
        [new($"Kestrel:Endpoints:{Name}:Url", Url), new($"Kestrel:Endpoints:{Name}:Protocols", Protocols)];
}

/// <summary>What every service does the same way, once.</summary>
public static class ServiceDefaults
{
    /// <summary>A builder with telemetry, probes, drain, problem documents, authentication, gRPC and OpenAPI in place.</summary>
    /// <param name="name">The service's name: its scope, its client id, and what telemetry calls it.</param>
    /// <param name="json">The service's source-generated JSON contracts.</param>
    public static WebApplicationBuilder CreateService(string name, string[] args, IJsonTypeInfoResolver json)
    {
        // Without TLS, Kestrel cannot offer HTTP/1.1 and HTTP/2 on one port.
        var builder = CreateHost(name, args, new("Http", "http://*:8080", "Http1"), new("Grpc", "http://*:8081", "Http2"));
        builder.Services.ConfigureHttpJsonOptions(options =>
        {
            var serializer = options.SerializerOptions;
            serializer.TypeInfoResolverChain.Insert(0, json.WithAddedModifier(NulCharacter.RefuseNul));
            serializer.NumberHandling = JsonNumberHandling.Strict;
            serializer.RespectNullableAnnotations = true;
        });
        builder.AddMeshAuthentication(name);
        builder.Services.AddGrpc(options =>
        {
            options.Interceptors.Add<ExceptionToStatus>();
            // Its catch-all for them would hide that a path of two segments is there for another method.
            options.IgnoreUnknownServices = true;
        });
        builder.AddOpenApiDocument();
        return builder;
    }

    /// <summary>What the gateway, which has no API of its own, shares with the services.</summary>
    /// <param name="endpoints">Where it listens, unless <c>Kestrel:Endpoints</c> says otherwise.</param>
    public static WebApplicationBuilder CreateHost(string name, string[] args, params IReadOnlyList<ListeningEndpoint> endpoints)
    {
        HealthCommand.RunIfAsked(args, endpoints);
        var builder = WebApplication.CreateBuilder(new WebApplicationOptions { Args = args, ContentRootPath = AppContext.BaseDirectory });
        builder.Configuration.Sources.Insert(0, new MemoryConfigurationSource { InitialData = Defaults().Append(new("Identity:ClientId", name)).Concat(endpoints.SelectMany(endpoint => endpoint.ToConfiguration())) });
        builder.WebHost.ConfigureKestrel(options =>
        {
            options.AddServerHeader = false;
            options.Limits.MaxRequestBodySize = 64 * 1024;
        });
        builder.AddTelemetry(name);
        builder.Services.AddProblems();
        builder.Services.TryAddSingleton(TimeProvider.System);
        builder.Services.AddSingleton<Readiness>();
        builder.Services.AddHostedService<AfterStart>();
        builder.Services.AddSingleton<Drain>();
        builder.Services.AddHostedService(services => services.GetRequiredService<Drain>());
        builder.Services.Configure<HostOptions>(options => options.ShutdownTimeout = Drain.Duration(builder.Configuration) + Drain.LongestRequest);
        return builder;
    }

    private static IEnumerable<KeyValuePair<string, string?>> Defaults()
    {
        using var json = typeof(ServiceDefaults).Assembly.GetManifestResourceStream("defaults.json")!;
        return new ConfigurationBuilder().AddJsonStream(json).Build().AsEnumerable();
    }

    /// <summary>The pipeline of every service; the routes come after it.</summary>
    public static void UseServiceDefaults(this WebApplication app)
    {
        app.UseOperations("Http");
        app.UseExceptionHandler();
        app.UseStatusCodePages();
        app.RefuseNulInQuery();
        app.UseAuthentication();
        app.UseAuthorization();
        app.MapOpenApi().AllowAnonymous();
    }
}

/// <summary>What a start needs, most of it never again, is given back soon after it: else an idle pod would keep it, since nothing makes it collect.</summary>
internal sealed class AfterStart(TimeProvider time) : BackgroundService
{
    private static readonly TimeSpan Settled = TimeSpan.FromSeconds(20);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await Task.Delay(Settled, time, stoppingToken);
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
    }
}

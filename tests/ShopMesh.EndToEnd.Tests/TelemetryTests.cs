using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using ShopMesh.Hosting;

namespace ShopMesh.EndToEnd.Tests;

/// <summary>A shop that sends its telemetry, by the standard variables, to a collector in this program.</summary>
public sealed class ObservedShop : IAsyncLifetime
{
    private readonly WebApplication _collector;
    private RunningShop? _shop;

    public ObservedShop()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        _collector = builder.Build();
        _collector.Run(async context =>
        {
            using var body = new MemoryStream();
            await context.Request.Body.CopyToAsync(body);
            if (context.Request.Path == "/v1/traces")
                Exports.Add(body.ToArray());
        });
    }

    /// <summary>Each of one process, in OTLP's protobuf.</summary>
    public ConcurrentBag<byte[]> Exports { get; } = [];

    public RunningShop Shop => _shop!;

    public async ValueTask InitializeAsync()
    {
        await _collector.StartAsync();
        var options = RunningShop.Of(Topology.Services.Where(service => service is { IsGateway: false, Name: not "identity" }).Select(service => service.Name));
        options.Settings["*"] = new()
        {
            ["OTEL_EXPORTER_OTLP_ENDPOINT"] = _collector.Urls.Single(),
            ["OTEL_EXPORTER_OTLP_PROTOCOL"] = "http/protobuf",
            ["OTEL_BSP_SCHEDULE_DELAY"] = "200",
        };
        _shop = new(options);
        await _shop.InitializeAsync();
    }

    public async ValueTask DisposeAsync()
    {
        if (_shop is not null)
            await _shop.DisposeAsync();
        await _collector.DisposeAsync();
    }
}

public sealed class TelemetryTests(ObservedShop observed) : IClassFixture<ObservedShop>
{
    [Fact]
    public async Task An_order_is_one_trace_from_the_gateway_to_every_database()
    {
        using var customer = await observed.Shop.CustomerAsync();
        await customer.PutInBasketAsync(await observed.Shop.NewProductAsync(onHand: 1), 1);
        var card = await customer.TokeniseAsync();
        var trace = ActivityTraceId.CreateRandom();

        using var placed = await customer.PostAsync("/api/orders", Shopper.OrderOf(card),
            ("Idempotency-Key", "1"), ("traceparent", $"00-{trace}-{ActivitySpanId.CreateRandom()}-01"));
        await customer.UntilAsync((string)(await placed.ReadAsync())!["id"]!, "delivered");

        var id = new byte[16];
        trace.CopyTo(id);
        foreach (var service in new[] { "gateway", "ordering", "basket", "catalog", "inventory", "payment", "shipping" })
        {
            await RunningShop.EventuallyAsync(TimeSpan.FromSeconds(10), () => Task.FromResult(observed.Exports.Any(export =>
                Has(export, id) && Has(export, Encoding.UTF8.GetBytes(service)) && (service is "gateway" || Has(export, "postgresql"u8)))));
        }
    }

    [Fact]
    public async Task Logs_are_JSON_with_the_trace_and_metrics_are_there_to_scrape()
    {
        foreach (var process in observed.Shop.Processes.Processes)
        {
            var log = await File.ReadAllLinesAsync(process.LogFile, TestContext.Current.CancellationToken);
            Assert.All(log.Where(line => line.Length > 0), line => Assert.Equal('{', line[0]));
            using var http = new HttpClient();
            var metrics = await http.GetStringAsync(new Uri(process.Http, "/metrics"), TestContext.Current.CancellationToken);
            Assert.Contains("http_server_request_duration_seconds", metrics);
        }
    }

    private static bool Has(ReadOnlySpan<byte> text, ReadOnlySpan<byte> part) => text.IndexOf(part) >= 0;
}

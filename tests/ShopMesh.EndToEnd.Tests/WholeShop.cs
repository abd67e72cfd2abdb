using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using ShopMesh.Hosting;

[assembly: AssemblyFixture(typeof(ShopMesh.EndToEnd.Tests.WholeShop))]

namespace ShopMesh.EndToEnd.Tests;

/// <summary>For tests that stop, kill or pause services: one after the other, when the others are through.</summary>
[CollectionDefinition(nameof(Disturbed), DisableParallelization = true)]
public sealed class Disturbed;

/// <summary>The whole shop, ordering in two replicas.</summary>
public sealed class WholeShop() : RunningShop(Options)
{
    private static readonly string IdentityKey = Convert.ToBase64String(RandomNumberGenerator.GetBytes(32));

    private static LocalShopOptions Options => new()
    {
        Replicas = new() { ["ordering"] = 2 },
        Settings = new()
        {
            ["identity"] = new() { ["Identity__Key"] = IdentityKey },
            ["gateway"] = new() { ["Limits__RequestsPerSecond"] = "0" },
        },
    };

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    /// <summary>Every payment, by order.</summary>
    public async Task<Dictionary<string, JsonNode>> PaymentsAsync() =>
        (await Admin.AllAsync("/api/admin/payments?limit=100")).ToDictionary(payment => (string)payment["orderId"]!);

    public async Task<JsonNode> PaymentOfAsync(string order) => (await PaymentsAsync())[order];

    /// <summary>Reads an order's event stream to its end.</summary>
    public static async Task<List<(string Id, string Status)>> EventsAsync(Shopper customer, string order, string? lastEventId = null)
    {
        using var response = await customer.SendAsync(HttpMethod.Get, $"/api/orders/{order}/events", headers: lastEventId is null ? [] : [("Last-Event-ID", lastEventId)]);
        Assert.Equal("text/event-stream", response.Content.Headers.ContentType?.MediaType);
        List<(string, string)> events = [];
        string id = "", data = "", type = "";
        using var lines = new StreamReader(await response.Content.ReadAsStreamAsync(Cancellation));
        while (await lines.ReadLineAsync(Cancellation) is { } line)
        {
            switch (line.Split(": ", 2))
            {
                case ["id", var value]:
                    id = value;
                    break;
                case ["event", var value]:
                    type = value;
                    break;
                case ["data", var value]:
                    data = value;
                    break;
                case [""]:
                    Assert.Equal("status", type);
                    events.Add((id, (string)JsonNode.Parse(data)!["status"]!));
                    break;
            }
        }

        return events;
    }

    public async Task ShouldPassTheAuditAsync()
    {
        var report = await Audit.RunAsync(new(Gateway), cancellationToken: Cancellation);
        Assert.True(report.Passed, report.ToString());
        Assert.NotEqual(0, report.Orders);
    }

    /// <summary>A token that was good: from one more identity, on the same keys, whose tokens live for a second.</summary>
    public async Task<string> ExpiredTokenAsync()
    {
        var (http, grpc) = (FreePort(), FreePort());
        var identity = Topology.Service("identity");
        var start = new ProcessStartInfo("dotnet", Repository.Program(identity)) { RedirectStandardOutput = true, WorkingDirectory = Path.GetDirectoryName(Repository.Program(identity)) };
        start.Environment["ConnectionStrings__Database"] = Processes.Database("identity");
        start.Environment["Kestrel__Endpoints__Http__Url"] = http.ToString();
        start.Environment["Kestrel__Endpoints__Grpc__Url"] = grpc.ToString();
        start.Environment["Identity__Address"] = http.ToString();
        start.Environment["Identity__Key"] = IdentityKey;
        start.Environment["Identity__AccessTokenLifetime"] = "00:00:01";
        using var process = Process.Start(start)!;
        process.OutputDataReceived += (_, _) => { };
        process.BeginOutputReadLine();
        try
        {
            await EventuallyAsync(TimeSpan.FromSeconds(30), () => ServiceProcess.IsReadyAsync(http, Cancellation));
            using var shopper = await Shopper.SignInAsync(http, "alice@example.com");
            // A second of life, and five that clocks may differ by.
            await EventuallyAsync(TimeSpan.FromSeconds(15), async () =>
            {
                using var me = await shopper.SendAsync(HttpMethod.Get, "/api/accounts/me");
                return me.StatusCode is HttpStatusCode.Unauthorized;
            });
            return shopper.Http.DefaultRequestHeaders.Authorization!.Parameter!;
        }
        finally
        {
            process.Kill();
            await process.WaitForExitAsync(CancellationToken.None);
        }
    }

    private static Uri FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return new(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}"));
    }
}

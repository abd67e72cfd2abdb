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

/// <summary>The shop as it ships, on a PostgreSQL of its own: every service a process, ordering two, and the gateway before them.</summary>
public sealed class WholeShop : IAsyncLifetime
{
    private readonly string _identityKey = Convert.ToBase64String(RandomNumberGenerator.GetBytes(32));
    private LocalShop _shop = null!;

    public Uri Gateway => _shop.Gateway;

    public Shopper Admin { get; private set; } = null!;

    public LocalShop Processes => _shop;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _shop = await LocalShop.StartAsync(new()
        {
            Replicas = new() { ["ordering"] = 2 },
            Settings = new()
            {
                ["identity"] = new() { ["Identity__Key"] = _identityKey },
                ["gateway"] = new() { ["Limits__RequestsPerSecond"] = "0" },
            },
        }, cancellationToken: CancellationToken.None);
        Admin = await Shopper.SignInAsync(Gateway, "admin@example.com");
    }

    public async ValueTask DisposeAsync()
    {
        Admin.Dispose();
        await _shop.DisposeAsync();
    }

    public Task<Shopper> CustomerAsync() => Shopper.RegisterAsync(Gateway);

    public static object AProduct(string name, string price = "10.00") =>
        new { name, description = "Made for a test.", category = "games", brand = "Tests", price = new { amount = price, currency = "EUR" } };

    /// <returns>The id of a new product with so many pieces on hand.</returns>
    public async Task<string> NewProductAsync(int onHand, string price = "10.00")
    {
        using var created = await Admin.PostAsync("/api/catalog/products", AProduct($"zz {Guid.NewGuid():N}", price));
        Assert.Equal(HttpStatusCode.Created, created.StatusCode);
        var id = (string)(await created.ReadAsync())!["id"]!;
        using var set = await Admin.PutAsync($"/api/inventory/{id}", new { onHand });
        Assert.Equal(HttpStatusCode.OK, set.StatusCode);
        return id;
    }

    public async Task<(int OnHand, int Reserved)> StockAsync(string product)
    {
        var stock = await Admin.GetAsync($"/api/inventory/{product}");
        Assert.Equal((int)stock["onHand"]! - (int)stock["reserved"]!, (int)stock["available"]!);
        return ((int)stock["onHand"]!, (int)stock["reserved"]!);
    }

    /// <summary>Every payment, by order.</summary>
    public async Task<Dictionary<string, JsonNode>> PaymentsAsync()
    {
        var payments = new Dictionary<string, JsonNode>();
        for (string? cursor = ""; cursor is not null;)
        {
            var page = await Admin.GetAsync($"/api/admin/payments?limit=100&cursor={cursor}");
            foreach (var payment in page["items"]!.AsArray())
                payments[(string)payment!["orderId"]!] = payment;
            cursor = (string?)page["nextCursor"];
        }

        return payments;
    }

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

    public static async Task EventuallyAsync(TimeSpan limit, Func<Task<bool>> condition)
    {
        var watch = Stopwatch.StartNew();
        while (!await condition())
        {
            Assert.True(watch.Elapsed < limit, $"It did not come true within {limit.TotalSeconds} s.");
            await Task.Delay(50, Cancellation);
        }
    }

    /// <param name="index">From 0; of a service with fewer replicas the last.</param>
    public Replica Replica(string service, int index)
    {
        var replicas = _shop[service].Replicas;
        return new(replicas[Math.Min(index, replicas.Count - 1)]);
    }

    public Task StopAsync(string service) => Task.WhenAll(_shop[service].Replicas.Select(replica => replica.StopAsync()));

    public Task StartAsync(string service) => Task.WhenAll(_shop[service].Replicas.Select(replica => new Replica(replica).StartAsync(Cancellation)));

    public async Task ShouldPassTheAuditAsync()
    {
        var report = await Audit.RunAsync(new(Gateway), cancellationToken: Cancellation);
        Assert.True(report.Passed, report.ToString());
        Assert.NotEqual(0, report.Orders);
    }

    public Task<string> DatabaseLogAsync() => File.ReadAllTextAsync(_shop.Postgres!.LogFile, Cancellation);

    /// <summary>What a service gets for itself.</summary>
    public async Task<string> ServiceTokenAsync(string client)
    {
        using var http = new HttpClient();
        using var response = await http.PostAsync(new Uri(_shop["identity"].Http, "/connect/token"), new FormUrlEncodedContent(new Dictionary<string, string>
        {
            ["grant_type"] = "client_credentials",
            ["client_id"] = client,
            ["client_secret"] = _shop.ClientSecret(client),
            ["scope"] = "catalog inventory payment shipping basket",
        }), Cancellation);
        return (string)(await response.ReadAsync())!["access_token"]!;
    }

    /// <summary>A token that was good: from one more identity, on the same keys, whose tokens live for a second.</summary>
    public async Task<string> ExpiredTokenAsync()
    {
        var (http, grpc) = (FreePort(), FreePort());
        var identity = Topology.Service("identity");
        var start = new ProcessStartInfo("dotnet", Repository.Program(identity)) { RedirectStandardOutput = true, WorkingDirectory = Path.GetDirectoryName(Repository.Program(identity)) };
        start.Environment["ConnectionStrings__Database"] = _shop.Database("identity");
        start.Environment["Kestrel__Endpoints__Http__Url"] = http.ToString();
        start.Environment["Kestrel__Endpoints__Grpc__Url"] = grpc.ToString();
        start.Environment["Identity__Address"] = http.ToString();
        start.Environment["Identity__Key"] = _identityKey;
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

/// <summary>A process of the shop that a test disturbs.</summary>
public sealed class Replica(ServiceProcess process)
{
    public Task KillAsync() => process.KillAsync();

    public void Pause() => process.Pause();

    public void Resume() => process.Resume();

    /// <summary>Starts it again, and waits until it is ready.</summary>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        await process.StartAsync();
        await process.WaitUntilReadyAsync(cancellationToken);
    }
}

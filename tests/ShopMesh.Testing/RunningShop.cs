using System.Diagnostics;
using System.Net;
using System.Text.Json.Nodes;
using Grpc.Core;
using Grpc.Core.Interceptors;
using Grpc.Net.Client;
using ShopMesh.Hosting;
using Testcontainers.PostgreSql;

namespace ShopMesh.Testing;

/// <summary>The shop, or the part of it that some tests need, as it ships: every service a process, on a PostgreSQL of its own.</summary>
public class RunningShop(LocalShopOptions options) : IAsyncLifetime
{
    /// <summary>Where a shop runs that is to be tested as it is, such as one in containers; null where the tests start their own.</summary>
    private static readonly Uri? Elsewhere = Environment.GetEnvironmentVariable("SHOPMESH_URL") is { Length: > 0 } url ? new(url) : null;

    private LocalShop _shop = null!;
    private PostgreSqlContainer? _postgres;

    /// <param name="services">Beside identity and the gateway.</param>
    protected RunningShop(params IReadOnlyList<string> services) : this(Of(services))
    {
    }

    public LocalShop Processes => _shop;

    public Uri Gateway => Elsewhere ?? _shop.Gateway;

    public Shopper Admin { get; private set; } = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public static LocalShopOptions Of(params IEnumerable<string> services) => new()
    {
        Services = ["identity", .. services, Topology.Gateway],
        Settings = new() { [Topology.Gateway] = new() { ["Limits__RequestsPerSecond"] = "0" } },
    };

    public async ValueTask InitializeAsync()
    {
        if (Elsewhere is null)
        {
            _postgres = await Containers.StartPostgresAsync();
            // A hash is slow on purpose, and tests make hundreds of customers.
            options.Settings.TryAdd("identity", []);
            options.Settings["identity"].TryAdd("Identity__PasswordHasher__IterationCount", "1000");
            _shop = await LocalShop.StartAsync(options with { Postgres = _postgres?.GetConnectionString() }, cancellationToken: CancellationToken.None);
        }

        Admin = await Shopper.SignInAsync(Gateway, "admin@example.com");
    }

    public async ValueTask DisposeAsync()
    {
        Admin?.Dispose();
        if (_shop is not null)
            await _shop.DisposeAsync();
        if (_postgres is not null)
            await _postgres.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    public async Task<string> DatabaseLogAsync() =>
        _postgres is not null ? (await _postgres.GetLogsAsync(ct: Cancellation)).Stderr : await File.ReadAllTextAsync(_shop.Postgres!.LogFile, Cancellation);

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

    /// <summary>What a service gets for itself.</summary>
    public async Task<string> ServiceTokenAsync(string client)
    {
        using var http = new HttpClient();
        using var response = await http.PostAsync(new Uri(_shop["identity"].Http, "/connect/token"), new FormUrlEncodedContent(new Dictionary<string, string>
        {
            ["grant_type"] = "client_credentials",
            ["client_id"] = client,
            ["client_secret"] = _shop.ClientSecret(client),
            ["scope"] = string.Join(' ', Topology.Service(client).Calls),
        }), Cancellation);
        return (string)(await response.ReadAsync())!["access_token"]!;
    }

    /// <summary>A channel to a service, with the token of one that may call it; a call that hangs fails after 30 s.</summary>
    public async Task<CallInvoker> CallAsync(string service, string client = "ordering") =>
        GrpcChannel.ForAddress(_shop[service].Grpc).Intercept(new CallAs(await ServiceTokenAsync(client)));

    private sealed class CallAs(string token) : Interceptor
    {
        public override AsyncUnaryCall<TResponse> AsyncUnaryCall<TRequest, TResponse>(
            TRequest request, ClientInterceptorContext<TRequest, TResponse> context, AsyncUnaryCallContinuation<TRequest, TResponse> continuation) =>
            continuation(request, new(context.Method, context.Host, context.Options
                .WithHeaders(new Metadata { { "Authorization", $"Bearer {token}" } })
                .WithDeadline(DateTime.UtcNow.AddSeconds(30))
                .WithCancellationToken(Cancellation)));
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

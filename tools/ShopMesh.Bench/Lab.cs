using System.Globalization;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Text.Json;
using System.Text.Json.Nodes;
using Npgsql;
using ShopMesh.Bench.Driving;
using ShopMesh.Bench.Measuring;
using ShopMesh.Hosting;

namespace ShopMesh.Bench;

/// <param name="Products">How many the catalog has.</param>
/// <param name="Orders">How many the order book has, of the customers; 0 for none but what is placed.</param>
/// <param name="Customers">How many are signed in.</param>
/// <param name="Limits">Whether the bare programs run beside the shop.</param>
/// <param name="Programs">Where the services were published; null for what was built.</param>
internal sealed record LabOptions(int Products, int Orders, int Customers, bool Limits, string? Programs);

internal sealed record Customer(string Id, string Token, string Card);

/// <summary>A shop to measure, with data of its own, and the bare programs that it is measured against; all of it goes when it is disposed of.</summary>
internal sealed class Lab : IAsyncDisposable
{
    public const string Client = "client";
    public const string Postgres = "postgres";
    public const int PageSize = 20;

    /// <summary>What they have in a container; but code is optimised early, since it is hot code that is measured.</summary>
    private static readonly Dictionary<string, string> Runtime = new(LocalShop.Runtime) { ["DOTNET_TC_CallCountThreshold"] = "1e" };

    private static readonly TimeSpan LongestSettling = TimeSpan.FromSeconds(10);

    /// <summary>In a quarter of a second: no more than the kernel can tell from nothing.</summary>
    private static readonly TimeSpan AtRest = TimeSpan.FromMilliseconds(10);

    public static readonly IReadOnlyList<string> Sorts = ["name", "price", "-price"];

    /// <summary>In a page's path: the list of all products.</summary>
    public const string EveryCategory = "&category=&";

    /// <summary>The databases that keep each order for good; basket has a mark of it for 30 days.</summary>
    private static readonly string[] OfOrders = ["ordering", "inventory", "payment", "shipping"];

    private readonly List<LimitProgram> _limits = [];

    private Lab(LocalShop shop, LabOptions options) => (Shop, Options) = (shop, options);

    public LocalShop Shop { get; }

    public LabOptions Options { get; }

    public EmbeddedPostgres Database => Shop.Postgres!;

    public Uri Gateway => Shop.Gateway;

    /// <summary>All of them, in the order of their ids.</summary>
    public IReadOnlyList<string> Products { get; private set; } = [];

    /// <summary>Those that can be ordered.</summary>
    public IReadOnlyList<string> Stocked { get; private set; } = [];

    public IReadOnlyList<string> Orders { get; private set; } = [];

    public IReadOnlyList<Customer> Customers { get; private set; } = [];

    /// <summary>Full pages, by their path and query: each begins elsewhere.</summary>
    public IReadOnlyList<string> Pages { get; private set; } = [];

    /// <summary>How the memory was before anybody asked for anything, by process.</summary>
    public IReadOnlyDictionary<string, MemoryUse> Idle { get; private set; } = new Dictionary<string, MemoryUse>();

    public string MeshToken { get; private set; } = "";

    public static async Task<Lab> StartAsync(LabOptions options, Action<string> progress, CancellationToken cancellationToken)
    {
        if (!OperatingSystem.IsLinux())
            throw new ShopException("bench reads the CPU time of processes from /proc: it needs Linux.");
        progress("starting a shop");
        var shop = await LocalShop.StartAsync(new()
        {
            Programs = options.Programs,
            Settings = new()
            {
                ["*"] = Runtime,
                // One client offers it all. A small catalog would fit into the cache, and a large one would not. And an order that is
                // confirmed waits, so that what is counted ends there.
                [Topology.Gateway] = new() { ["Limits__RequestsPerSecond"] = "0", ["Cache__Enabled"] = options.Orders > 0 ? "false" : "true" },
                ["ordering"] = new() { ["Ordering__DispatchDelay"] = options.Orders > 0 ? "00:00:00" : "1.00:00:00" },
            },
        }, cancellationToken: cancellationToken);
        var lab = new Lab(shop, options);
        try
        {
            await lab.PrepareAsync(progress, cancellationToken);
            return lab;
        }
        catch
        {
            await lab.DisposeAsync();
            throw;
        }
    }

    /// <summary>Where a bare program listens: HTTP/1.1, and HTTP/2 in clear text.</summary>
    public LimitProgram Limit(string name) => _limits.Single(limit => limit.Name == name);

    /// <summary>The CPU time of each process until now; the client's own as <see cref="Client"/>.</summary>
    public IReadOnlyDictionary<string, TimeSpan> CpuTimes()
    {
        var times = Shop.Processes.ToDictionary(process => process.Name, process => CpuTime.Of(process.Process!.Pid));
        times[Postgres] = CpuTime.OfTree(Database.Identity.Pid);
        foreach (var limit in _limits)
            times[limit.Name] = CpuTime.Of(limit.Pid);
        times[Client] = CpuTime.WithEnded(Environment.ProcessId);
        return times;
    }

    /// <summary>Waits until PostgreSQL has cleaned up after what was asked of it (checkpoints, vacuuming), for a while at most.</summary>
    /// <returns>The CPU time that it took for that.</returns>
    public async Task<TimeSpan> SettleAsync(CancellationToken cancellationToken)
    {
        var (first, until) = (CpuTime.OfTree(Database.Identity.Pid), DateTime.UtcNow + LongestSettling);
        for (var last = first; ;)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(250), cancellationToken);
            var now = CpuTime.OfTree(Database.Identity.Pid);
            if (now - last <= AtRest || DateTime.UtcNow > until)
                return now - first;
            last = now;
        }
    }

    public IReadOnlyDictionary<string, MemoryUse> Memory() => Shop.Processes.Select(process => (process.Name, process.Process!.Pid)).Append((Postgres, Database.Identity.Pid))
        .ToDictionary(process => process.Item1, process => MemoryUse.OfTree(process.Item2));

    /// <returns>The size of each database that keeps orders for good, in bytes.</returns>
    public async Task<IReadOnlyDictionary<string, long>> StorageAsync(CancellationToken cancellationToken)
    {
        var sizes = new Dictionary<string, long>();
        foreach (var name in OfOrders)
        {
            await using var database = Seed.Open(Shop.Database(name));
            sizes[name] = long.Parse((await Seed.ReadAsync(database, "SELECT pg_database_size(current_database())::text", cancellationToken))[0], CultureInfo.InvariantCulture);
        }

        return sizes;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var limit in _limits)
            await limit.DisposeAsync();
        await Shop.DisposeAsync();
    }

    private async Task PrepareAsync(Action<string> progress, CancellationToken cancellationToken)
    {
        if (Options.Limits)
        {
            // Services give back what their start has left 20 s after it.
            progress("waiting until the shop is idle");
            await Task.Delay(TimeSpan.FromSeconds(25), cancellationToken);
            Idle = Memory();
        }

        using var http = new HttpClient(new SocketsHttpHandler { UseProxy = false, UseCookies = false }) { BaseAddress = Gateway };
        progress($"adding products up to {Options.Products}");
        await using (var inventory = Seed.Open(Shop.Database("inventory")))
        {
            // More than all windows together sell.
            await Seed.RunAsync(inventory, "UPDATE stock SET corrected = corrected + 10000000", cancellationToken);
            Stocked = await Seed.ReadAsync(inventory, "SELECT product_id FROM stock", cancellationToken);
        }

        Products = await Seed.ProductsAsync(Shop.Database("catalog"), Options.Products, cancellationToken);
        progress($"signing {Options.Customers} customers in");
        Customers = await SignInAsync(http, Options.Customers, cancellationToken);
        MeshToken = await MeshTokenAsync(cancellationToken);
        progress("looking for pages");
        Pages = await FindPagesAsync(http, cancellationToken);
        if (Options.Orders > 0)
        {
            progress($"adding orders up to {Options.Orders}");
            var first = await OrderLoad.PlaceOneAsync(this, cancellationToken);
            Orders = await Seed.OrdersAsync(Shop.Database("ordering"), first, [.. Customers.Select(customer => customer.Id)], Options.Orders, cancellationToken);
        }

        if (Options.Limits)
        {
            progress("starting the bare programs");
            await StartLimitsAsync(http, cancellationToken);
        }
    }

    private async Task StartLimitsAsync(HttpClient http, CancellationToken cancellationToken)
    {
        var directory = Directory.CreateTempSubdirectory("shopmesh-limits-").FullName;
        await File.WriteAllBytesAsync(Path.Combine(directory, "product"), await http.GetByteArrayAsync($"/api/catalog/products/{Products[0]}", cancellationToken), cancellationToken);
        await File.WriteAllBytesAsync(Path.Combine(directory, "page"), await http.GetByteArrayAsync("/api/catalog/products?limit=20", cancellationToken), cancellationToken);
        _limits.Add(await LimitProgram.StartAsync("kestrel", directory, new() { ["product"] = Path.Combine(directory, "product"), ["page"] = Path.Combine(directory, "page") }, Runtime, cancellationToken));

        var connection = await Database.CreateDatabaseAsync("limits", cancellationToken: cancellationToken);
        await using (var database = NpgsqlDataSource.Create(connection))
        await using (var table = database.CreateCommand("""
            CREATE TABLE items (customer_id text NOT NULL, product_id text NOT NULL, quantity integer NOT NULL CHECK (quantity BETWEEN 1 AND 100), added_at timestamptz NOT NULL,
                PRIMARY KEY (customer_id, product_id))
            """))
            await table.ExecuteNonQueryAsync(cancellationToken);
        _limits.Add(await LimitProgram.StartAsync("upsert", directory, new() { ["ConnectionStrings__Database"] = connection }, Runtime, cancellationToken));
        _limits.Add(await LimitProgram.StartAsync("grpc-echo", directory, [], Runtime, cancellationToken));
        _limits.Add(await LimitProgram.StartAsync("yarp", directory, new() { ["kestrel"] = Limit("kestrel").Http2.ToString(), ["upsert"] = Limit("upsert").Http2.ToString() }, Runtime, cancellationToken));
    }

    private static async Task<Customer[]> SignInAsync(HttpClient http, int count, CancellationToken cancellationToken)
    {
        var customers = new Customer[count];
        await Parallel.ForAsync(0, count, new ParallelOptions { MaxDegreeOfParallelism = 2 * Environment.ProcessorCount, CancellationToken = cancellationToken }, async (index, cancellation) =>
        {
            var (email, password) = ($"bench-{index}@example.com", $"{Guid.NewGuid():N}Aa1");
            using var registered = await http.PostAsJsonAsync("/api/accounts", new { email, password, name = "A Customer" }, cancellation);
            registered.EnsureSuccessStatusCode();
            using var signedIn = await http.PostAsync("/connect/token", new FormUrlEncodedContent([new("grant_type", "password"), new("client_id", "shopmesh"), new("username", email), new("password", password)]), cancellation);
            signedIn.EnsureSuccessStatusCode();
            var token = (await signedIn.Content.ReadFromJsonAsync<JsonElement>(cancellation)).GetProperty("access_token").GetString()!;
            using var request = new HttpRequestMessage(HttpMethod.Post, "/api/payments/tokens") { Content = JsonContent.Create(new { number = "4242 4242 4242 4242", expiry = "12/39", cvc = "123", holder = "A Customer" }) };
            request.Headers.Authorization = new("Bearer", token);
            using var tokenised = await http.SendAsync(request, cancellation);
            tokenised.EnsureSuccessStatusCode();
            customers[index] = new(SubjectOf(token), token, (await tokenised.Content.ReadFromJsonAsync<JsonElement>(cancellation)).GetProperty("token").GetString()!);
        });
        return customers;
    }

    /// <summary>Whom a JWT is about.</summary>
    private static string SubjectOf(string token) => JsonDocument.Parse(System.Buffers.Text.Base64Url.DecodeFromChars(token.Split('.')[1])).RootElement.GetProperty("sub").GetString()!;

    private async Task<string> MeshTokenAsync(CancellationToken cancellationToken)
    {
        using var http = new HttpClient(new SocketsHttpHandler { UseProxy = false });
        using var response = await http.PostAsync(new Uri(Shop["identity"].Http, "/connect/token"), new FormUrlEncodedContent(
        [
            new("grant_type", "client_credentials"), new("client_id", "ordering"), new("client_secret", Shop.ClientSecret("ordering")), new("scope", string.Join(' ', Topology.Service("ordering").Calls)),
        ]), cancellationToken);
        response.EnsureSuccessStatusCode();
        return (await response.Content.ReadFromJsonAsync<JsonElement>(cancellationToken)).GetProperty("access_token").GetString()!;
    }

    /// <summary>Every list that there is, in every order, some pages deep.</summary>
    private static async Task<IReadOnlyList<string>> FindPagesAsync(HttpClient http, CancellationToken cancellationToken)
    {
        // So many that a cache has forgotten a page when its turn comes again.
        const int deep = 600;
        var categories = JsonNode.Parse(await http.GetStringAsync("/api/catalog/categories", cancellationToken))!["items"]!.AsArray().Select(category => (string)category!["id"]!);
        var lists = from category in categories.Append("") from sort in Sorts select $"/api/catalog/products?limit={PageSize}&sort={sort}&category={category}";
        var pages = await Task.WhenAll(lists.Select(async list =>
        {
            var found = new List<string>();
            for (string? cursor = ""; cursor is not null && found.Count < deep;)
            {
                var path = $"{list}&cursor={Uri.EscapeDataString(cursor)}";
                var page = JsonNode.Parse(await http.GetStringAsync(path, cancellationToken))!;
                if (page["items"]!.AsArray().Count == PageSize)
                    found.Add(path);
                cursor = (string?)page["nextCursor"];
            }

            return found;
        }));
        // A turn of each list at a time, so that neighbours have nothing in common.
        return [.. Enumerable.Range(0, deep).SelectMany(depth => pages.Where(list => list.Count > depth).Select(list => list[depth]))];
    }
}

/// <summary>One mode of ShopMesh.Limits, as a process.</summary>
internal sealed class LimitProgram : IAsyncDisposable
{
    private readonly ChildProcess _process;
    private readonly string _directory;

    private LimitProgram(string name, ChildProcess process, string directory) => (Name, _process, _directory) = (name, process, directory);

    public string Name { get; }

    public required Uri Http1 { get; init; }

    public required Uri Http2 { get; init; }

    public int Pid => _process.Identity.Pid;

    public static async Task<LimitProgram> StartAsync(string name, string directory, Dictionary<string, string> environment, Dictionary<string, string> runtime, CancellationToken cancellationToken)
    {
        var program = Path.Combine(Repository.Root, "tools", "ShopMesh.Limits", "bin", "Release", "net10.0", "ShopMesh.Limits.dll");
        var (http1, http2) = (new Uri($"http://127.0.0.1:{Ports.Next()}"), new Uri($"http://127.0.0.1:{Ports.Next()}"));
        foreach (var (key, value) in runtime)
            environment[key] = value;
        environment["ASPNETCORE_ENVIRONMENT"] = environment["DOTNET_ENVIRONMENT"] = "Production";
        environment["ASPNETCORE_URLS"] = environment["ASPNETCORE_HTTP_PORTS"] = "";
        environment["Kestrel__Endpoints__Http1__Url"] = http1.ToString();
        environment["Kestrel__Endpoints__Http1__Protocols"] = "Http1";
        environment["Kestrel__Endpoints__Http2__Url"] = http2.ToString();
        environment["Kestrel__Endpoints__Http2__Protocols"] = "Http2";
        var log = Path.Combine(directory, $"{name}.log");
        var process = await ChildProcess.StartAsync(new("dotnet", program, name) { LogFile = log, Environment = environment, Directory = Path.GetDirectoryName(program)! });
        var limit = new LimitProgram(name, process, directory) { Http1 = http1, Http2 = http2 };
        while (!await AcceptsAsync(http1, cancellationToken))
        {
            if (process.ExitCode is not null)
                throw new ShopException($"The bare program {name} did not start; its log ends with:{Environment.NewLine}{LogTail.Read(log, 10)}");
            await Task.Delay(20, cancellationToken);
        }

        return limit;
    }

    private static async Task<bool> AcceptsAsync(Uri address, CancellationToken cancellationToken)
    {
        using var client = new TcpClient();
        try
        {
            await client.ConnectAsync(address.Host, address.Port, cancellationToken);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _process.Identity.EndAsync(Signal.Terminate, TimeSpan.FromSeconds(2));
        await _process.WaitAsync();
        _process.Dispose();
        // The first to go takes the folder that they share.
        if (Directory.Exists(_directory))
            Directory.Delete(_directory, recursive: true);
    }
}

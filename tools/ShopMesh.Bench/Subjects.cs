using System.Globalization;
using System.Text.RegularExpressions;
using ShopMesh.Bench.Driving;
using ShopMesh.Bench.Measuring;
using ShopMesh.Hosting;

namespace ShopMesh.Bench;

/// <summary>What the shop does, and the bare programs beside it.</summary>
internal static partial class Subjects
{
    /// <summary>Callers at once: enough to keep two cores busy, few enough to queue little.</summary>
    private const int Callers = 32;

    public static readonly string[] Names =
    [
        "kestrel", "yarp", "yarp-page", "product", "product-cold", "page", "page-cold", "search", "upsert", "yarp-upsert", "basket",
        "grpc-echo", "grpc-rates", "grpc-product", Order, OrderAtHalf, PgBench,
    ];

    public const string Order = "order";
    public const string OrderAtHalf = "order-at-half";
    public const string PgBench = "pgbench";

    /// <summary>Requests by HTTP, and what they are compared with.</summary>
    public static IEnumerable<Subject> OfHttp(Lab lab)
    {
        var (kestrel, yarp) = (lab.Limit("kestrel").Http1, lab.Limit("yarp").Http1);
        yield return Gets("kestrel", "the bytes of a product from memory, bare Kestrel", kestrel, ["/product"]) with { Processes = ["kestrel"] };
        yield return Gets("yarp", "the same behind bare YARP", yarp, ["/product"]) with { Processes = ["kestrel", "yarp"] };
        yield return Gets("yarp-page", "the bytes of a page of 20 behind bare YARP", yarp, ["/page"]) with { Processes = ["kestrel", "yarp"] };
        // Of the shop those that may take part: what the others do all the time is nobody's request.
        string[] readers = [Topology.Gateway, "catalog", Lab.Postgres];
        yield return Gets("product", "one product, hot", lab.Gateway, [Product(lab.Products[0])]) with { Processes = readers, Against = ["kestrel", "yarp"] };
        yield return Gets("product-cold", $"a product, uniformly over {lab.Products.Count:N0}", lab.Gateway, [.. Shuffled(lab.Products).Select(Product)]) with { Processes = readers };
        yield return Gets("page", "one page of 20, hot", lab.Gateway, ["/api/catalog/products?limit=20"]) with { Processes = readers, Against = ["yarp-page"] };
        yield return Gets("page-cold", $"a page of 20, over {lab.Pages.Count:N0}", lab.Gateway, lab.Pages) with { Processes = readers };
        yield return Gets("search", $"a word that {Seed.PerWord} products have", lab.Gateway, Words(lab)) with { Processes = readers };

        var baskets = lab.Customers.Take(lab.Customers.Count / 4).ToList();
        if (baskets.Count == 0)
            yield break;
        yield return Upserts("upsert", "an upsert by a bare minimal API", lab.Limit("upsert").Http1, baskets) with { Processes = ["upsert", Lab.Postgres] };
        yield return Upserts("yarp-upsert", "the same behind bare YARP", yarp, baskets) with { Processes = ["upsert", "yarp", Lab.Postgres] };
        yield return Http("basket", "a change of a basket with up to three products", lab.Gateway, [.. from quantity in Enumerable.Range(1, 3)
            from customer in baskets from product in lab.Stocked.Take(3)
            select HttpConnection.Request(lab.Gateway, "PUT", $"/api/basket/items/{product}", customer.Token, $$"""{"quantity":{{quantity}}}""")]) with
        { Against = ["upsert", "yarp-upsert"] };
    }

    public static async Task<IReadOnlyList<Subject>> OfGrpcAsync(Lab lab)
    {
        var shipping = new GrpcCalls(lab.Shop["shipping"].Grpc, lab.MeshToken);
        var rates = shipping.Rates();
        var echo = new GrpcCalls(lab.Limit("grpc-echo").Http2).Echo(await rates());
        var product = new GrpcCalls(lab.Shop["catalog"].Grpc, lab.MeshToken).Product(Shuffled(lab.Products));
        return
        [
            Calls("grpc-echo", "a bare gRPC service says what it was told: the bytes of the rates", ["grpc-echo"], [], _ => echo()),
            Calls("grpc-rates", "GetRates of shipping, from memory", ["shipping"], ["grpc-echo"], _ => rates()),
            Calls("grpc-product", $"GetProducts of catalog, uniformly over {lab.Products.Count:N0}", ["catalog", Lab.Postgres], ["grpc-echo"], product),
        ];
    }

    /// <summary>By size: the reads whose cost must not grow.</summary>
    public static IReadOnlyList<Subject> OfSize(Lab lab) =>
    [
        Gets("product", "a product, uniformly over all", lab.Gateway, [.. Shuffled(lab.Products).Select(Product)]),
        Gets("page", "a page of 20 of all products", lab.Gateway, [.. lab.Pages.Where(page => page.Contains(Lab.EveryCategory, StringComparison.Ordinal))]),
        Gets("search", $"a word that {Seed.PerWord} products have", lab.Gateway, Words(lab)),
        Http("order read", "an order, uniformly over all", lab.Gateway, [.. Enumerable.Range(0, lab.Orders.Count).OrderBy(_ => Random.Shared.Next()).Take(50_000)
            .Select(n => HttpConnection.Request(lab.Gateway, "GET", $"/api/orders/{lab.Orders[n]}", lab.Customers[n % lab.Customers.Count].Token))]),
    ];

    public static Subject OfOrders(string name, string what, OrderLoad orders, double rate) => new(name, what, null, [PgBench], async (meter, window, cancellationToken) =>
    {
        // An order has many steps behind it: its beginning and its end take more of a window than those of a request.
        var placed = await orders.RunAsync(rate, 3 * window, meter, cancellationToken);
        return placed.Failed == 0
            ? new(placed.Count, placed.Elapsed, placed.Confirmed)
            : throw new ShopException($"{placed.Failed} orders failed at {rate:0.0} a second, a rate that was sustained before: something else keeps this machine busy.");
    });

    /// <summary>TPC-B's update without its hot rows (<c>-N</c>), from 8 clients.</summary>
    public static async Task<Subject> OfPgBenchAsync(Lab lab, string program, CancellationToken cancellationToken)
    {
        var database = new Npgsql.NpgsqlConnectionStringBuilder(await lab.Database.CreateDatabaseAsync(PgBench, cancellationToken: cancellationToken));
        var address = $"postgresql://{database.Username}:{database.Password}@{database.Host}:{database.Port}/{database.Database}";
        await RunAsync(["-i", "-s", "10", "-q", address], cancellationToken);
        return new(PgBench, "simple-update at 8 clients", [Lab.Postgres], [], async (meter, window, cancellation) =>
        {
            meter.Start();
            var output = await RunAsync(["-N", "-c", "8", "-j", "2", "-T", Math.Max(1, (int)window.TotalSeconds).ToString(CultureInfo.InvariantCulture), address], cancellation);
            meter.Stop();
            var count = long.Parse(Transactions().Match(output).Groups[1].ValueSpan, CultureInfo.InvariantCulture);
            var rate = double.Parse(PerSecond().Match(output).Groups[1].ValueSpan, CultureInfo.InvariantCulture);
            return new(count, TimeSpan.FromSeconds(count / rate), []);
        });

        async Task<string> RunAsync(IReadOnlyList<string> arguments, CancellationToken cancellation)
        {
            var (exitCode, output) = await Executables.RunAsync(program, arguments, user: null, cancellation);
            return exitCode == 0 ? output : throw new ShopException($"pgbench failed:{Environment.NewLine}{output.Trim()}");
        }
    }

    private static string Product(string id) => $"/api/catalog/products/{id}";

    /// <summary>In every order, so that a cache has forgotten one when its turn comes again.</summary>
    private static string[] Words(Lab lab) => Shuffled([.. from word in Enumerable.Range(0, lab.Products.Count / Seed.PerWord) from sort in Lab.Sorts select $"/api/catalog/products?query={Seed.Word(word)}&sort={sort}"]);

    private static T[] Shuffled<T>(IReadOnlyList<T> items)
    {
        T[] shuffled = [.. items];
        Random.Shared.Shuffle(shuffled);
        return shuffled;
    }

    private static Subject Gets(string name, string what, Uri address, IReadOnlyList<string> paths) =>
        Http(name, what, address, [.. paths.Select(path => HttpConnection.Request(address, "GET", path))]);

    private static Subject Upserts(string name, string what, Uri address, IEnumerable<Customer> customers) => Http(name, what, address, [.. from quantity in Enumerable.Range(1, 3)
        from customer in customers from product in Enumerable.Range(0, 3)
        select HttpConnection.Request(address, "PUT", $"/items/{customer.Id}/{Guid.Empty.ToString()[..^1]}{product}", body: $$"""{"quantity":{{quantity}}}""")]);

    private static Subject Http(string name, string what, Uri address, byte[][] requests)
    {
        var next = 0L;
        return new(name, what, null, [], async (meter, window, cancellationToken) =>
        {
            meter.Start();
            // It goes on where it stood: what was asked for in the round before is not what a cache has now.
            var work = await ClosedLoop.RunAsync(address, Callers, window, _ => requests[(int)(Interlocked.Increment(ref next) % requests.Length)], cancellationToken);
            meter.Stop();
            return work;
        });
    }

    private static Subject Calls(string name, string what, IReadOnlyList<string> processes, IReadOnlyList<string> against, Func<long, Task> call) =>
        new(name, what, processes, against, async (meter, window, cancellationToken) =>
        {
            meter.Start();
            var work = await ClosedLoop.RunAsync(Callers, window, (_, number) => call(number), cancellationToken);
            meter.Stop();
            return work;
        });

    [GeneratedRegex(@"actually processed: (\d+)")]
    private static partial Regex Transactions();

    [GeneratedRegex(@"tps = ([\d.]+)")]
    private static partial Regex PerSecond();
}

using System.Diagnostics;
using ShopMesh.Bench.Measuring;
using ShopMesh.Hosting;

namespace ShopMesh.Bench;

/// <param name="WarmUps">How many rounds come first and do not count.</param>
/// <param name="Window">How long each subject runs in each round.</param>
/// <param name="Products">How many the catalog has.</param>
/// <param name="Customers">How many are signed in: as many orders as can be placed while a basket is filled again.</param>
/// <param name="Published">Whether the services are compiled ahead of time, as in their images.</param>
/// <param name="Only">Names of subjects, of which their limits are measured too; empty for all of it.</param>
/// <param name="Sizes">Whether the table over sizes is made, and nothing else.</param>
internal sealed record BenchOptions(int WarmUps, int Rounds, TimeSpan Window, int Products, int Customers, bool Published, IReadOnlyList<string> Only, bool Sizes)
{
    public const string Start = "start";
    public const string Memory = "memory";

    public static IReadOnlyList<string> Names { get; } = [.. Subjects.Names, Start, Memory];

    public bool Wants(string name) => Only.Count == 0 || Only.Contains(name);
}

/// <summary>The highest rate of orders that an open load may have without a backlog that grows.</summary>
/// <param name="Lowest">The lowest rate at which it grew.</param>
public sealed record OrderCapacity(double Highest, double Lowest);

/// <param name="Ready">Milliseconds from the start of the process until it says that it is ready.</param>
/// <param name="Cpu">Milliseconds of CPU until then.</param>
public sealed record StartResult(string Name, Spread Ready, Spread Cpu);

/// <summary>By how much a database grew for each order that was confirmed in it, with its indexes and with what vacuuming has not yet given back.</summary>
public sealed record StorageResult(string Database, double BytesPerOrder);

/// <param name="Idle">Before the first request.</param>
/// <param name="Loaded">After all rounds.</param>
internal sealed record MemoryResult(string Name, MemoryUse Idle, MemoryUse Loaded);

internal sealed record SizeResult(int Products, int Orders, IReadOnlyList<Result> Results);

/// <summary>Everything against its limit in one run.</summary>
internal sealed class Benchmark(BenchOptions options, Action<string> progress, CancellationToken cancellationToken)
{
    private static readonly TimeSpan Endurance = TimeSpan.FromSeconds(15);

    public async Task<BenchReport> RunAsync()
    {
        var begun = DateTimeOffset.UtcNow;
        var programs = options.Published ? await Published.PrepareAsync(progress, cancellationToken) : null;
        if (options.Sizes)
        {
            var sizes = await MeasureSizesAsync(programs);
            return new(begun, Machine.Read(null), options.Rounds, options.Window.TotalSeconds, options.Published, [], null, [], [], [], sizes, Goals.OfSizes(sizes), []);
        }

        var notes = new List<string>();
        await using var lab = await Lab.StartAsync(new(options.Products, Orders: 0, NeedsCustomers ? options.Customers : 0, Limits: true, programs), progress, cancellationToken);
        await using var orders = new OrderLoad(lab, [.. lab.Customers.Skip(lab.Customers.Count / 4)]);
        var subjects = new List<Subject>([.. Subjects.OfHttp(lab), .. await Subjects.OfGrpcAsync(lab)]);
        if (lab.Database.FindProgram("pgbench") is { } program)
            subjects.Add(await Subjects.OfPgBenchAsync(lab, program, cancellationToken));
        else
            notes.Add("pgbench is neither beside this PostgreSQL nor on the PATH, so orders are not compared with it: install it (Debian: postgresql; Fedora: postgresql-contrib; macOS: brew install postgresql@17).");

        OrderCapacity? capacity = null;
        var empty = await lab.StorageAsync(cancellationToken);
        if (options.Wants(Subjects.Order) || options.Wants(Subjects.OrderAtHalf))
        {
            capacity = await FindCapacityAsync(lab, orders);
            subjects.Add(Subjects.OfOrders(Subjects.Order, $"an order until it is confirmed, at {0.8 * capacity.Highest:0}/s", orders, 0.8 * capacity.Highest));
            subjects.Add(Subjects.OfOrders(Subjects.OrderAtHalf, $"the same at half of the highest rate, {capacity.Highest / 2:0}/s", orders, capacity.Highest / 2));
        }

        var wanted = subjects.Where(subject => options.Wants(subject.Name)).SelectMany(subject => subject.Against.Append(subject.Name)).ToHashSet();
        subjects.RemoveAll(subject => !wanted.Contains(subject.Name));
        var measured = await Rounds.InterleaveAsync(subjects, options.WarmUps, options.Rounds, (subject, round) =>
        {
            progress($"{(round < 1 ? "warming up" : $"round {round} of {options.Rounds}")}: {subject.Name}");
            return Measurement.TakeAsync(subject, lab, options.Window, cancellationToken);
        });
        Result[] results = [.. subjects.Select(subject => Result.Of(subject, measured[subject]))];

        var placed = await orders.CountAsync(cancellationToken);
        StorageResult[] storage = placed == 0 ? [] : [.. (await lab.StorageAsync(cancellationToken)).Select(database => new StorageResult(database.Key, (double)(database.Value - empty[database.Key]) / placed))];
        var loaded = lab.Memory();
        MemoryResult[] memory = options.Wants(BenchOptions.Memory) ? [.. loaded.Select(process => new MemoryResult(process.Key, lab.Idle[process.Key], process.Value))] : [];
        var starts = options.Wants(BenchOptions.Start) ? await MeasureStartsAsync(lab) : [];
        return new(begun, Machine.Read(lab.Database.Version), options.Rounds, options.Window.TotalSeconds, options.Published, results, capacity, storage, starts, memory, [],
            Goals.Of(results.ToDictionary(result => result.Name), capacity, starts, memory), notes);
    }

    /// <summary>Signing them in takes longer than some of the measurements.</summary>
    private bool NeedsCustomers => options.Wants("basket") || options.Wants(Subjects.Order) || options.Wants(Subjects.OrderAtHalf);

    private async Task<OrderCapacity> FindCapacityAsync(Lab lab, OrderLoad orders)
    {
        var nothing = new CpuMeter(lab.CpuTimes);
        progress("warming up: orders");
        await orders.RunAsync(20, TimeSpan.FromSeconds(5), nothing, cancellationToken);
        await orders.RunAsync(40, TimeSpan.FromSeconds(5), nothing, cancellationToken);
        var found = await new RateSearch(least: 2, most: 2_000, precision: 0.1).FindAsync(
            40,
            rate => OfferAsync(rate, TimeSpan.FromSeconds(Math.Max(3, options.Window.TotalSeconds))),
            window => window.IsSustained);
        if (found.Highest <= 0)
            throw new ShopException("Even 2 orders a second are too many: ./shopmesh up and ./shopmesh logs ordering may tell why.");

        // A backlog may grow slowly: what was sustained for a moment has to be for longer.
        var (highest, lowest) = (found.Highest, found.Lowest);
        while (!(await OfferAsync(highest, Endurance)).IsSustained)
            (highest, lowest) = (0.9 * highest, highest);
        return new(highest, lowest);

        Task<OrderWindow> OfferAsync(double rate, TimeSpan window)
        {
            progress($"orders at {rate:0}/s for {window.TotalSeconds:0} s");
            return orders.RunAsync(rate, window, nothing, cancellationToken);
        }
    }

    /// <summary>Each by itself, while nobody asks for anything.</summary>
    private async Task<StartResult[]> MeasureStartsAsync(Lab lab)
    {
        var services = lab.Shop.Processes.ToList();
        var measured = await Rounds.InterleaveAsync(services, warmUps: 1, options.Rounds, async (service, round) =>
        {
            progress($"{(round < 1 ? "warming up" : $"round {round} of {options.Rounds}")}: start of {service.Name}");
            await service.StopAsync();
            var watch = Stopwatch.StartNew();
            await service.StartAsync();
            while (!await service.IsReadyAsync(cancellationToken))
            {
                if (!service.IsRunning || watch.Elapsed > TimeSpan.FromSeconds(30))
                    throw new ShopException($"{service.Name} does not start again; its log ends with:{Environment.NewLine}{LogTail.Read(service.LogFile, 15)}");
                await Task.Delay(2, cancellationToken);
            }

            return (Ready: watch.Elapsed.TotalMilliseconds, Cpu: CpuTime.Of(service.Process!.Pid).TotalMilliseconds);
        });
        return [.. services.Select(service => new StartResult(service.Name, Spread.Of(measured[service].Select(start => start.Ready)), Spread.Of(measured[service].Select(start => start.Cpu))))];
    }

    /// <summary>A shop for each size, side by side, so that their rounds interleave.</summary>
    private async Task<SizeResult[]> MeasureSizesAsync(string? programs)
    {
        (int Products, int Orders)[] sizes = [(100, 10), (10_000, 100_000), (100_000, 1_000_000)];
        var labs = new List<Lab>();
        try
        {
            foreach (var (products, orders) in sizes)
                labs.Add(await Lab.StartAsync(new(products, orders, Customers: 10, Limits: false, programs), step => progress($"{products:N0} products, {orders:N0} orders: {step}"), cancellationToken));
            (Lab Lab, Subject Subject)[] pairs = [.. Enumerable.Range(0, 4).SelectMany(index => labs.Select(lab => (lab, Subjects.OfSize(lab)[index])))];
            var measured = await Rounds.InterleaveAsync(pairs, options.WarmUps, options.Rounds, (pair, round) =>
            {
                progress($"{(round < 1 ? "warming up" : $"round {round} of {options.Rounds}")}: {pair.Subject.Name} of {pair.Lab.Products.Count:N0} products and {pair.Lab.Orders.Count:N0} orders");
                return Measurement.TakeAsync(pair.Subject, pair.Lab, options.Window, cancellationToken);
            });
            return [.. labs.Select(lab => new SizeResult(lab.Products.Count, lab.Orders.Count, [.. pairs.Where(pair => pair.Lab == lab).Select(pair => Result.Of(pair.Subject, measured[pair]))]))];
        }
        finally
        {
            foreach (var lab in labs)
                await lab.DisposeAsync();
        }
    }
}

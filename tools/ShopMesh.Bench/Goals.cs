using ShopMesh.Bench.Measuring;

namespace ShopMesh.Bench;

/// <summary>Something that the shop is to reach, and what it reached.</summary>
/// <param name="Bound">The most that it may be; or the least, where more is better.</param>
public sealed record Goal(string What, string Unit, Spread Reached, double Bound, bool MoreIsBetter = false)
{
    public bool IsMet => MoreIsBetter ? Reached.Median >= Bound : Reached.Median <= Bound;
}

/// <summary>The ratios and costs that the shop is built to reach on a machine of two cores; docs/performance.md has why.</summary>
internal static class Goals
{
    /// <summary>Those that can be told from what was measured.</summary>
    public static IReadOnlyList<Goal> Of(IReadOnlyDictionary<string, Result> results, OrderCapacity? orders, IReadOnlyList<StartResult> starts, IReadOnlyList<MemoryResult> memory)
    {
        var goals = new List<Goal>();
        if (Both("product", "yarp") is var (product, yarp))
            goals.Add(new("a hot product, of bare YARP and Kestrel: CPU", "×", Ratio(product, yarp, round => round.Total), 0.5));
        if (One("product-cold") is { } cold)
        {
            goals.Add(new("a product through to PostgreSQL: CPU of gateway and services", "µs", Of(cold, round => round.Total - round.Cpu[Lab.Postgres]), 260));
            goals.Add(new("a product through to PostgreSQL: CPU of PostgreSQL", "µs", Of(cold, round => round.Cpu[Lab.Postgres]), 110));
        }

        if (Both("page", "yarp-page") is var (page, yarpPage))
            goals.Add(new("a hot page, of bare YARP and Kestrel: CPU", "×", Ratio(page, yarpPage, round => round.Total), 2.0 / 3));
        if (One("page-cold") is { } coldPage)
            goals.Add(new("a page through to PostgreSQL: CPU in all", "µs", Of(coldPage, round => round.Total), 700));
        if (Both("basket", "upsert") is var (basket, upsert))
            goals.Add(new("basket changes, of upserts by a bare minimal API: rate", "×", Ratio(basket, upsert, round => round.Rate), 0.5, MoreIsBetter: true));
        if (One(Subjects.Order) is { } order)
            goals.Add(new("an order until it is confirmed: CPU in all", "µs", Of(order, round => round.Total), 4_000));
        if (orders is not null && One(Subjects.PgBench) is { } pgBench)
            goals.Add(new("orders/s, of pgbench's transactions/s", "×", Of(pgBench, round => orders.Highest / round.Rate), 0.05, MoreIsBetter: true));
        if (One(Subjects.OrderAtHalf) is { } half)
        {
            goals.Add(new("an order until it is confirmed, at half the highest rate: p50", "ms", half.P50, 50));
            goals.Add(new("an order until it is confirmed, at half the highest rate: p99", "ms", half.P99, 250));
        }

        if (starts.Count > 0)
            goals.Add(new($"the slowest service to start ({starts.MaxBy(start => start.Ready.Median)!.Name})", "ms", starts.MaxBy(start => start.Ready.Median)!.Ready, 800));
        // What a container is charged for is measured on a cluster: PSS counts more, also what is only mapped.
        if (memory.Count > 0)
            goals.Add(new("the whole shop and its database server, idle: PSS", "MiB", Exactly(MiB(memory.Sum(process => process.Idle.Proportional))), 750));

        return goals;

        Result? One(string name) => results.GetValueOrDefault(name);

        (Result, Result)? Both(string one, string other) => One(one) is { } first && One(other) is { } second ? (first, second) : null;
    }

    /// <summary>Flat within 15 %: the largest against the smallest.</summary>
    public static IReadOnlyList<Goal> OfSizes(IReadOnlyList<SizeResult> sizes) => sizes.Count < 2 ? [] :
        [.. sizes[0].Results.Select(small => new Goal($"{small.Name} at the largest size, of the smallest: CPU", "×",
            Ratio(sizes[^1].Results.Single(large => large.Name == small.Name), small, round => round.Total), 1.15))];

    public static double MiB(double bytes) => bytes / 1_048_576.0;

    private static Spread Of(Result result, Func<Measurement, double> value) => Spread.Of(result.Rounds.Select(value));

    private static Spread Ratio(Result result, Result limit, Func<Measurement, double> value) => Spread.OfRatios(result.Rounds.Select(value), limit.Rounds.Select(value));

    private static Spread Exactly(double value) => new(value, value, value);
}

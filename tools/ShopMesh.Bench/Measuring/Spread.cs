namespace ShopMesh.Bench.Measuring;

/// <summary>What several rounds of one measurement gave.</summary>
/// <param name="Low">The least of them.</param>
/// <param name="High">The most of them.</param>
public sealed record Spread(double Median, double Low, double High)
{
    /// <exception cref="ArgumentException">There is no value.</exception>
    public static Spread Of(IEnumerable<double> values)
    {
        var sorted = values.Order().ToArray();
        return sorted.Length == 0
            ? throw new ArgumentException("There is nothing to take the median of.", nameof(values))
            : new((sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2, sorted[0], sorted[^1]);
    }

    /// <summary>Round by round, since what disturbs a round disturbs both.</summary>
    public static Spread OfRatios(IEnumerable<double> values, IEnumerable<double> limits) => Of(values.Zip(limits, (value, limit) => value / limit));

    /// <summary>The value below which so much of a sorted list lies, by nearest rank; 0 for an empty list.</summary>
    public static double Percentile(IReadOnlyList<double> sorted, double percentile) =>
        sorted.Count == 0 ? 0 : sorted[Math.Clamp((int)Math.Ceiling(percentile / 100 * sorted.Count) - 1, 0, sorted.Count - 1)];
}

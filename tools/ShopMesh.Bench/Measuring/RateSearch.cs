namespace ShopMesh.Bench.Measuring;

/// <summary>The highest rate that meets a goal.</summary>
/// <param name="Highest">The highest that did; 0 when none did.</param>
/// <param name="Lowest">The lowest that did not: the truth lies between the two. Infinite when all did.</param>
internal sealed record RateFound<T>(double Highest, double Lowest, IReadOnlyList<(double Rate, T Probe)> Probes)
{
    /// <summary>The probe at the highest rate that met the goal; the default when none did.</summary>
    public T? Best => Probes.LastOrDefault(probe => probe.Rate == Highest).Probe;
}

/// <summary>Doubles a rate until it is too high, then halves the distance, in proportion.</summary>
/// <param name="least">Below it nothing is tried.</param>
/// <param name="most">Above it nothing is tried.</param>
/// <param name="precision">It ends when the two bounds are no farther apart than this, as a part of the lower.</param>
internal sealed class RateSearch(double least, double most, double precision)
{
    /// <param name="first">Where to begin.</param>
    /// <param name="probe">Tries a rate.</param>
    /// <param name="meets">Whether a probe met the goal. One that did not is tried once more, since a machine has its moments.</param>
    public async Task<RateFound<T>> FindAsync<T>(double first, Func<double, Task<T>> probe, Func<T, bool> meets)
    {
        var probes = new List<(double Rate, T Probe)>();
        var (low, high) = (0.0, double.PositiveInfinity);
        var rate = Math.Clamp(first, least, most);
        while (true)
        {
            if (await MeetsAsync(rate))
                low = rate;
            else
                high = rate;

            // Nothing below the least, nothing above the most, and no finer than was asked.
            if (low >= most || high <= least || high <= low * (1 + precision))
                return new(low, high, probes);
            rate = (low, high) switch
            {
                (_, double.PositiveInfinity) => Math.Min(low * 2, most),
                (0, _) => Math.Max(high / 2, least),
                _ => Math.Sqrt(low * high),
            };
        }

        async Task<bool> MeetsAsync(double tried)
        {
            for (var attempt = 1; ; attempt++)
            {
                var result = await probe(tried);
                var good = meets(result);
                probes.Add((tried, result));
                if (good || attempt == 2)
                    return good;
            }
        }
    }
}

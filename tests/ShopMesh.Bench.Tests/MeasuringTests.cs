using ShopMesh.Bench.Measuring;

namespace ShopMesh.Bench.Tests;

public sealed class MeasuringTests
{
    [Fact]
    public async Task Rounds_interleave_and_the_warm_up_does_not_count()
    {
        var order = new List<string>();
        var results = await Rounds.InterleaveAsync(["A", "B", "C"], warmUps: 1, rounds: 2, (subject, round) =>
        {
            order.Add($"{subject}{round}");
            return Task.FromResult(round);
        });

        Assert.Equal(["A0", "B0", "C0", "A1", "B1", "C1", "A2", "B2", "C2"], order);
        Assert.Equal(["A", "B", "C"], results.Keys);
        Assert.All(results.Values, rounds => Assert.Equal([1, 2], rounds));
    }

    [Theory]
    [InlineData(new[] { 3.0 }, 3, 3, 3)]
    [InlineData(new[] { 9.0, 1, 5 }, 5, 1, 9)]
    [InlineData(new[] { 4.0, 1, 2, 8 }, 3, 1, 8)]
    public void A_spread_is_the_median_the_least_and_the_most(double[] values, double median, double low, double high) =>
        Assert.Equal(new Spread(median, low, high), Spread.Of(values));

    [Fact]
    public void Nothing_has_no_median() => Assert.Throws<ArgumentException>(() => Spread.Of([]));

    [Fact]
    public void Ratios_are_taken_round_by_round()
    {
        // Both were twice as slow in the second round: their ratio was not.
        Assert.Equal(new Spread(0.5, 0.5, 0.5), Spread.OfRatios([10, 20, 11], [20, 40, 22]));
    }

    [Theory]
    [InlineData(50, 5)]
    [InlineData(99, 10)]
    [InlineData(10, 1)]
    public void Percentiles_are_by_nearest_rank(double percentile, double value) =>
        Assert.Equal(value, Spread.Percentile([.. Enumerable.Range(1, 10).Select(n => (double)n)], percentile));

    [Theory]
    [InlineData(137, 40)]
    [InlineData(137, 1_000)]
    [InlineData(3, 40)]
    public async Task The_search_finds_the_highest_rate_that_meets_the_goal(double truth, double first)
    {
        var found = await new RateSearch(least: 1, most: 10_000, precision: 0.05).FindAsync(first, Task.FromResult, rate => rate <= truth);

        Assert.InRange(found.Highest, truth / 1.05, truth);
        Assert.InRange(found.Lowest, truth, truth * 1.05);
        Assert.Equal(found.Highest, found.Best);
        Assert.True(found.Probes.Count < 30, $"{found.Probes.Count} probes");
    }

    [Fact]
    public async Task A_moment_of_weakness_is_forgiven_once()
    {
        var weak = true;
        var found = await new RateSearch(least: 1, most: 10_000, precision: 0.05).FindAsync(40, Task.FromResult, rate =>
        {
            var meets = rate <= 137 && !(weak && rate >= 80);
            weak = weak && meets;
            return meets;
        });

        Assert.InRange(found.Highest, 130, 137);
    }

    [Fact]
    public async Task The_search_stays_within_its_bounds_and_says_when_nothing_meets_the_goal()
    {
        var none = await new RateSearch(least: 5, most: 100, precision: 0.1).FindAsync(40, Task.FromResult, _ => false);
        Assert.Equal((0, 5, 0), (none.Highest, none.Lowest, none.Best));
        Assert.All(none.Probes, probe => Assert.InRange(probe.Rate, 5, 40));

        var all = await new RateSearch(least: 5, most: 100, precision: 0.1).FindAsync(40, Task.FromResult, _ => true);
        Assert.Equal((100, double.PositiveInfinity), (all.Highest, all.Lowest));
    }
}

using ShopMesh.Bench.Measuring;

namespace ShopMesh.Bench.Tests;

public sealed class GoalTests
{
    private static readonly Spread Ten = new(10, 8, 12);

    [Fact]
    public void A_goal_is_met_by_the_median()
    {
        Assert.True(new Goal("cost", "µs", Ten, 10).IsMet);
        Assert.False(new Goal("cost", "µs", Ten, 9).IsMet);
        Assert.True(new Goal("rate", "×", Ten, 10, MoreIsBetter: true).IsMet);
        Assert.False(new Goal("rate", "×", Ten, 11, MoreIsBetter: true).IsMet);
    }

    [Fact]
    public void What_was_not_measured_is_no_goal()
    {
        Assert.Empty(Goals.Of(new Dictionary<string, Result>(), null, [], []));
        var product = Measured("product", ("gateway", 20), ("catalog", 5));
        Assert.Empty(Goals.Of(new Dictionary<string, Result> { [product.Name] = product }, null, [], []));
    }

    [Fact]
    public void A_hot_product_counts_in_all_processes_against_the_bare_pair()
    {
        var (product, yarp) = (Measured("product", ("gateway", 20), ("catalog", 5)), Measured("yarp", ("yarp", 35), ("kestrel", 15)));
        var goal = Assert.Single(Goals.Of(new Dictionary<string, Result> { ["product"] = product, ["yarp"] = yarp }, null, [], []));
        Assert.Equal(0.5, goal.Reached.Median, 3);
        Assert.True(goal.IsMet);
    }

    [Fact]
    public void A_result_shows_who_takes_part_and_sums_over_all()
    {
        var result = Measured("order", ("ordering", 2_000), ("postgres", 1_500), ("shipping", 10));
        Assert.Equal(["ordering", "postgres"], result.Cpu.Keys);
        Assert.Equal(3_510, result.Total.Median);
    }

    [Fact]
    public void Sizes_are_flat_when_the_largest_costs_what_the_smallest_does()
    {
        var sizes = new[] { new SizeResult(100, 10, [Measured("page", ("catalog", 100))]), new SizeResult(100_000, 1_000_000, [Measured("page", ("catalog", 116))]) };
        var goal = Assert.Single(Goals.OfSizes(sizes));
        Assert.Equal(1.16, goal.Reached.Median, 3);
        Assert.False(goal.IsMet);
    }

    private static Result Measured(string name, params (string Process, double Cpu)[] cpu) => Result.Of(
        new(name, "", null, [], (_, _, _) => throw new NotSupportedException()),
        [.. Enumerable.Repeat(new Measurement(1_000, 100, 1, 2, cpu.ToDictionary(process => process.Process, process => process.Cpu), 10), 3)]);
}

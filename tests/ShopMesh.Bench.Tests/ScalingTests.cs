using System.Xml.Linq;
using ShopMesh.Bench.Scaling;

namespace ShopMesh.Bench.Tests;

public sealed class ScalingTests
{
    [Theory]
    [InlineData("p99<250ms", 99, 250)]
    [InlineData("p50 < 1.5s", 50, 1_500)]
    [InlineData("p99.9<2s", 99.9, 2_000)]
    public void A_goal_is_a_percentile_and_a_time(string text, double percentile, double milliseconds) => Assert.Equal(new LatencyGoal(percentile, milliseconds), LatencyGoal.Parse(text));

    [Theory]
    [InlineData("250ms")]
    [InlineData("p98<250ms")]
    [InlineData("p99<0ms")]
    [InlineData("p99<1.2.3ms")]
    [InlineData("p99<250")]
    public void Anything_else_is_no_goal(string text) => Assert.Throws<FormatException>(() => LatencyGoal.Parse(text));

    [Theory]
    [InlineData("100m", 0.1)]
    [InlineData("2", 2)]
    [InlineData("12345678n", 0.012345678)]
    [InlineData("1500u", 0.0015)]
    [InlineData("64Mi", 67_108_864)]
    [InlineData("131072Ki", 134_217_728)]
    [InlineData("1k", 1_000)]
    public void Quantities_are_read_as_Kubernetes_writes_them(string text, double value) => Assert.Equal(value, Quantity.Parse(text), 9);

    [Theory]
    [InlineData("")]
    [InlineData("m")]
    [InlineData("-1")]
    [InlineData("1 core")]
    public void What_is_no_quantity_is_refused(string text) => Assert.Throws<FormatException>(() => Quantity.Parse(text));

    [Fact]
    public void Pods_at_their_limit_are_named_while_the_node_has_room() =>
        Assert.Equal("its own pods: 2 at their limit of 100m CPU", Bottleneck.Name("catalog", Use(1.0, Pod("catalog", 0.098, 0.1), Pod("catalog", 0.091, 0.1), Pod("gateway", 0.2), Database("catalog", 0.2))));

    [Fact]
    public void A_full_node_is_named_before_the_pods_on_it_with_who_takes_most()
    {
        var named = Bottleneck.Name("catalog", Use(1.9, Pod("catalog", 0.1, 0.1), Pod("gateway", 0.6), Pod("gateway", 0.3), Database("catalog", 0.5)));
        Assert.Equal("the nodes' CPU: 1.90 of 2 cores are busy, most of it by gateway (0.90) and the database of catalog (0.50)", named);
    }

    [Fact]
    public void A_database_or_a_gateway_at_its_limit_is_named()
    {
        Assert.Equal("the database of catalog: its pod is at its limit of 250m CPU", Bottleneck.Name("catalog", Use(1.0, Pod("catalog", 0.05, 0.1), Database("catalog", 0.24, 0.25))));
        Assert.Equal("gateway: its pod is at its limit of 200m CPU", Bottleneck.Name("catalog", Use(1.0, Pod("catalog", 0.05, 0.1), Pod("gateway", 0.19, 0.2))));
    }

    [Fact]
    public void A_generator_that_is_late_is_named_unless_the_node_or_the_pods_are_at_their_limit()
    {
        var late = Use(1.0, Pod("catalog", 0.05, 0.1)) with { GeneratorLateness = 60, GeneratorCores = 0.99 };
        Assert.Equal("the load generator: it was late by 60 ms and took 0.99 cores", Bottleneck.Name("catalog", late));
        Assert.StartsWith("the nodes' CPU", Bottleneck.Name("catalog", late with { Cpu = 1.95 }), StringComparison.Ordinal);
        Assert.StartsWith("its own pods", Bottleneck.Name("catalog", late with { Pods = [Pod("catalog", 0.1, 0.1)] }), StringComparison.Ordinal);
    }

    [Fact]
    public void Where_nothing_is_full_it_says_so() =>
        Assert.StartsWith("no CPU: 50 % of the nodes' is busy", Bottleneck.Name("catalog", Use(1.0, Pod("catalog", 0.05, 0.1))), StringComparison.Ordinal);

    [Fact]
    public void How_uneven_a_spread_is_is_told_by_the_pod_that_is_farthest_from_its_share()
    {
        Assert.Equal(0.2, Point("catalog", 4, 100, shares: [0.25, 0.25, 0.2, 0.3]).Uneven, 9);
        Assert.Equal(0, Point("catalog", 1, 100, shares: [1]).Uneven);
    }

    [Fact]
    public void The_page_has_its_table_and_its_curves_and_needs_nothing_else()
    {
        var report = new ScaleReport(DateTimeOffset.UnixEpoch, "kind-<one>", "p99 < 250 ms", "100m", [Point("catalog", 1, 50), Point("catalog", 2, 98), Point("catalog", 4, 190)],
        [
            new("basket", "HorizontalPodAutoscaler (autoscaling/v1)", [new(0, 10, 10, 12, 1, 1), new(30, 80, 78, 90, 3, 2), new(90, 10, 10, 12, 3, 3)], 20, 80, TimeSpan.FromSeconds(10), TimeSpan.FromSeconds(41), null, 5_000, 0),
        ]);
        var html = report.ToHtml();

        Assert.Equal(["1.00", "1.96", "3.80"], report.Points.Select(report.Times));
        Assert.Contains("kind-&lt;one&gt;", html, StringComparison.Ordinal);
        Assert.Contains("<td>3.80</td>", html, StringComparison.Ordinal);
        Assert.Contains("not in time", html, StringComparison.Ordinal);
        Assert.DoesNotContain("<script", html, StringComparison.Ordinal);
        Assert.DoesNotContain(" src=", html, StringComparison.Ordinal);
        Assert.DoesNotContain("NaN", html, StringComparison.Ordinal);
        var charts = html.Split("<svg").Skip(1).Select(part => XElement.Parse($"<svg{part[..(part.IndexOf("</svg>", StringComparison.Ordinal) + 6)]}")).ToList();
        Assert.Equal(5, charts.Count);
        Assert.All(charts, chart => Assert.Contains(chart.Descendants(), element => element.Name.LocalName == "polyline"));
    }

    private static ScalePoint Point(string service, int replicas, double highest, IReadOnlyList<double>? shares = null)
    {
        var use = Use(1.0, [.. Enumerable.Repeat(Pod(service, 0.099, 0.1), replicas)]);
        return new(service, replicas, highest, highest * 1.05, [new(highest, 120, 0, true), new(highest * 1.05, 900, 0, false)], TimeSpan.FromSeconds(8),
            shares ?? [.. Enumerable.Repeat(1.0 / replicas, replicas)], use, use, Bottleneck.Name(service, use));
    }

    private static ClusterUse Use(double cpu, params IReadOnlyList<PodUse> pods) => new(pods, Cores: 2, cpu, GeneratorCores: 0.2, GeneratorLateness: 1);

    private static PodUse Pod(string service, double cpu, double? limit = null) => new($"{service}-1", service, IsDatabase: false, cpu, limit, 60 << 20, 10);

    private static PodUse Database(string service, double cpu, double? limit = null) => new($"{service}-database-0", service, IsDatabase: true, cpu, limit, 60 << 20, null);
}

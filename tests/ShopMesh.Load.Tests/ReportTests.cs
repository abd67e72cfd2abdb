using System.Text.RegularExpressions;
using ShopMesh.Load.Journeys;
using ShopMesh.Load.Reporting;

namespace ShopMesh.Load.Tests;

public sealed partial class ReportTests : IAsyncLifetime
{
    private LoadReport _report = null!;
    private ToyShop _shop = null!;

    public async ValueTask InitializeAsync()
    {
        _shop = await ToyShop.StartAsync();
        _shop.Before = async context =>
        {
            if (context.Request.Path.StartsWithSegments("/api/inventory"))
            {
                context.Response.StatusCode = 500;
                await context.Response.Body.WriteAsync("</script><script src=\"https://example.com/x.js\"></script>"u8.ToArray());
            }
        };
        _report = await _shop.LoadAsync(Mix.Default, Profile.Constant(100, TimeSpan.FromSeconds(2)));
    }

    public ValueTask DisposeAsync() => _shop.DisposeAsync();

    [Fact]
    public void It_reads_from_JSON_as_it_was_written()
    {
        var json = ReportFiles.ToJson(_report);
        var read = ReportFiles.FromJson(json);

        Assert.Equal(json, ReportFiles.ToJson(read));
        Assert.NotEmpty(read.Failures);
        Assert.Equal(_report.Failures, read.Failures);
        Assert.Equal(_report.Latencies, read.Latencies);
        Assert.Equal(_report.RequestKinds, read.RequestKinds);
        Assert.Equal((_report.Rate, _report.OfferedRate, _report.Slowest), (read.Rate, read.OfferedRate, read.Slowest));
        Assert.Equal(_report.ToString(), read.ToString());
        Assert.DoesNotContain('\n', json);
    }

    [Fact]
    public void What_is_no_report_is_refused() => Assert.Throws<LoadException>(() => ReportFiles.FromJson("{}"));

    [Fact]
    public void Its_page_needs_nothing_from_elsewhere()
    {
        var page = ReportFiles.ToHtml(_report);

        Assert.DoesNotMatch(External(), page);
        // What a shop answers is data, and stays it.
        Assert.Equal(2, Regex.Count(page, "</script>"));
        Assert.Contains("\\u003C/script\\u003E", page, StringComparison.Ordinal);
        Assert.Equal(ReportFiles.ToJson(_report), Data().Match(page).Groups[1].Value);
    }

    [Fact]
    public async Task It_is_written_as_JSON_and_as_a_page()
    {
        var directory = Directory.CreateTempSubdirectory();
        try
        {
            var page = await ReportFiles.WriteAsync(_report, Path.Combine(directory.FullName, "new", "report"), TestContext.Current.CancellationToken);

            Assert.Equal(ReportFiles.ToHtml(_report), await File.ReadAllTextAsync(page.FullName, TestContext.Current.CancellationToken));
            Assert.Equal(ReportFiles.ToJson(_report), await File.ReadAllTextAsync(Path.ChangeExtension(page.FullName, ".json"), TestContext.Current.CancellationToken));
        }
        finally
        {
            directory.Delete(recursive: true);
        }
    }

    [Fact]
    public void Its_parts_add_up()
    {
        Assert.Equal(_report.Requests, _report.Latencies.Count);
        Assert.Equal(_report.Requests, _report.RequestKinds.Sum(kind => kind.Latencies.Count));
        Assert.Equal(_report.Requests, _report.Journeys.Sum(journey => journey.Requests));
        Assert.Equal(_report.Failed, _report.FailureGroups.Sum(group => group.Count));
        Assert.Equal(_report.Failed, _report.Seconds.Sum(second => second.Failed.Values.Sum()));
        Assert.Equal(_report.Percentiles.Select(point => point.Milliseconds).Order(), _report.Percentiles.Select(point => point.Milliseconds));
        Assert.Equal(_report.Latencies.Max, _report.Percentiles[^1].Milliseconds);
        Assert.Equal(200, _report.Offered, Mix.Default.RequestsEach);
    }

    /// <summary>Anything that makes a browser fetch: an address in an attribute, a style or a script.</summary>
    [GeneratedRegex("""(src|href|action|data)\s*=\s*["'](?!data:|file:)|url\(|@import|\bfetch\(|XMLHttpRequest|WebSocket|import\(|<link|<img|<iframe""", RegexOptions.IgnoreCase)]
    private static partial Regex External();

    [GeneratedRegex("""id="report">(.*)</script>""")]
    private static partial Regex Data();
}

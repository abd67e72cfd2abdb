using System.Globalization;
using System.Net;
using System.Text;

namespace ShopMesh.Bench.Scaling;

/// <summary>A load at one rate.</summary>
/// <param name="Latency">At the goal's percentile, in ms.</param>
internal sealed record ScaleProbe(double Rate, double Latency, long Failed, bool Meets);

/// <summary>A service with so many replicas.</summary>
/// <param name="Highest">The highest rate that met the goal, in requests per second; 0 when none did.</param>
/// <param name="Lowest">The lowest rate that did not.</param>
/// <param name="ReadyAfter">From the order to scale until that many pods served, and no others.</param>
/// <param name="Shares">Each pod's part of the requests, from 10 s after that; they sum up to 1.</param>
/// <param name="Use">At the highest rate.</param>
/// <param name="Beyond">At a tenth above the lowest rate that was too high.</param>
internal sealed record ScalePoint(
    string Service, int Replicas, double Highest, double Lowest, IReadOnlyList<ScaleProbe> Probes, TimeSpan ReadyAfter, IReadOnlyList<double> Shares, ClusterUse Use, ClusterUse Beyond, string Bottleneck)
{
    /// <summary>How far the pod that is farthest from an even share is from it, as a part of that share.</summary>
    public double Uneven => Shares.Count == 0 ? 0 : Shares.Max(share => Math.Abs((share * Shares.Count) - 1));
}

/// <summary>A moment of a load step, with an autoscaler on.</summary>
/// <param name="At">Seconds from the beginning.</param>
/// <param name="Latency">Milliseconds, p99 of the last second.</param>
internal sealed record HpaMoment(double At, double Offered, double Answered, double Latency, int Wanted, int Ready);

/// <param name="Up">From the step up until the first pod more served.</param>
/// <param name="Most">From the step up until the most pods served.</param>
/// <param name="Down">From the step down until the least were left; null when that did not come in time.</param>
internal sealed record HpaRun(string Service, string Autoscaler, IReadOnlyList<HpaMoment> Moments, double StepUpAt, double StepDownAt, TimeSpan? Up, TimeSpan? Most, TimeSpan? Down, long Requests, long Failed)
{
    public int Peak => Moments.Max(moment => moment.Ready);
}

/// <summary>One page of it, that needs nothing else.</summary>
internal sealed record ScaleReport(DateTimeOffset At, string Cluster, string Goal, string CpuShare, IReadOnlyList<ScalePoint> Points, IReadOnlyList<HpaRun> Hpa)
{
    public string ToHtml()
    {
        var html = new StringBuilder();
        html.Append("""
            <!doctype html>
            <html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>ShopMesh: how it scales</title>
            <style>
            body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem; color: #222; background: #fff }
            h1, h2 { font-weight: 600 } table { border-collapse: collapse; margin: 1rem 0 } th, td { padding: .3rem .7rem; border-bottom: 1px solid #ddd; text-align: right; vertical-align: top }
            th:first-child, td:first-child, td.text { text-align: left } figure { display: inline-block; margin: 0 1rem 1rem 0 } figcaption { font-weight: 600 } svg { max-width: 100%; height: auto }
            @media (prefers-color-scheme: dark) { body { color: #ddd; background: #181818 } th, td { border-color: #444 } svg text { fill: #ddd } }
            </style></head><body>

            """);
        html.Append(CultureInfo.InvariantCulture, $"<h1>How ShopMesh scales</h1><p>Cluster {Text(Cluster)}, {At:yyyy-MM-dd HH:mm} UTC.</p>");
        if (Points.Count > 0)
            AppendPoints(html);
        foreach (var run in Hpa)
            Append(html, run);
        return html.Append("</body></html>\n").ToString();
    }

    private void AppendPoints(StringBuilder html)
    {
        html.Append(CultureInfo.InvariantCulture, $"<p>Goal: {Text(Goal)} and no request that fails; each pod of the service has {Text(CpuShare)} CPU and no more. The rate is the highest that met the goal.</p>");
        html.Append("<table><tr><th>service</th><th>replicas</th><th>requests/s</th><th>× the first</th><th>ready after</th><th>farthest from an even share</th><th>CPU per pod</th><th>memory per pod</th><th>bottleneck</th></tr>");
        foreach (var service in Points.GroupBy(point => point.Service))
        {
            foreach (var point in service)
            {
                var pods = point.Use.Pods.Where(pod => pod.Service == point.Service && !pod.IsDatabase).ToList();
                html.Append(CultureInfo.InvariantCulture, $"<tr><td>{Text(point.Service)}</td><td>{point.Replicas}</td><td>{Number(point.Highest)}</td><td>{Times(point)}</td><td>{point.ReadyAfter.TotalSeconds:0.0} s</td><td>{point.Uneven:0.0 %}</td>")
                    .Append(CultureInfo.InvariantCulture, $"<td>{string.Join("<br>", pods.Select(pod => Invariant($"{1_000 * pod.Cpu:0}m")))}</td><td>{string.Join("<br>", pods.Select(pod => Invariant($"{Goals.MiB(pod.Memory):0} MiB")))}</td><td class=\"text\">{Text(point.Bottleneck)}</td></tr>");
            }
        }

        html.Append("</table>");
        var services = Points.GroupBy(point => point.Service).ToList();
        html.Append(Figure("Highest rate by replicas (dashed: in proportion)", new Chart("replicas", "requests/s",
        [
            .. services.Select(service => new Series(service.Key, [.. service.Select(point => ((double)point.Replicas, point.Highest))])),
            .. services.Select(service => new Series("", [.. service.Select(point => ((double)point.Replicas, service.First().Highest * point.Replicas / service.First().Replicas))]) { IsDashed = true }),
        ])));
        foreach (var service in services)
        {
            html.Append(Figure($"{service.Key}: {Goal.Split(' ')[0]} by offered rate", new Chart("requests/s", "ms",
                [.. service.Select(point => new Series(Invariant($"{point.Replicas} replicas"), [.. point.Probes.OrderBy(probe => probe.Rate).Select(probe => (probe.Rate, probe.Latency))]))])
            { IsLogarithmic = true }));
        }
    }

    private static void Append(StringBuilder html, HpaRun run)
    {
        html.Append(CultureInfo.InvariantCulture, $"<h2>{Text(run.Service)} with a {Text(run.Autoscaler)}</h2><table><tr><th>step up at</th><th>one more pod after</th><th>{run.Peak} pods after</th><th>step down at</th><th>back after</th><th>requests</th><th>failed</th></tr>")
            .Append(CultureInfo.InvariantCulture, $"<tr><td>{run.StepUpAt:0} s</td><td>{Time(run.Up)}</td><td>{Time(run.Most)}</td><td>{run.StepDownAt:0} s</td><td>{Time(run.Down)}</td><td>{run.Requests}</td><td>{run.Failed}</td></tr></table>");
        html.Append(Figure("Replicas over time", new Chart("s", "pods", [new("wanted", [.. run.Moments.Select(moment => (moment.At, (double)moment.Wanted))]) { IsDashed = true }, new("ready", [.. run.Moments.Select(moment => (moment.At, (double)moment.Ready))])])));
        html.Append(Figure("Rate over time", new Chart("s", "requests/s", [new("offered", [.. run.Moments.Select(moment => (moment.At, moment.Offered))]) { IsDashed = true }, new("answered", [.. run.Moments.Select(moment => (moment.At, moment.Answered))])])));
        html.Append(Figure("p99 over time", new Chart("s", "ms", [new("p99", [.. run.Moments.Where(moment => moment.Latency > 0).Select(moment => (moment.At, moment.Latency))])]) { IsLogarithmic = true }));
    }

    /// <summary>Against the same service with the replicas that it was first measured with.</summary>
    public string Times(ScalePoint point) => Points.First(first => first.Service == point.Service) is { Highest: > 0 } first ? Invariant($"{point.Highest / first.Highest:0.00}") : "–";

    internal static string Number(double value) => value.ToString(value >= 100 ? "0" : "0.0", CultureInfo.InvariantCulture);

    internal static string Time(TimeSpan? time) => time is { } known ? Invariant($"{known.TotalSeconds:0} s") : "not in time";

    private static string Figure(string title, Chart chart) => $"<figure><figcaption>{Text(title)}</figcaption>{chart.ToSvg()}</figure>";

    private static string Text(string text) => WebUtility.HtmlEncode(text);

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}

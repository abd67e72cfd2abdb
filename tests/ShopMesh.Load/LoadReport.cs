using System.Globalization;
using System.Text;
using System.Text.Json.Serialization;
using HdrHistogram;

namespace ShopMesh.Load;

public enum FailureKind
{
    /// <summary>Answered, but not with success.</summary>
    Status,

    /// <summary>The connection was refused, or closed before the answer was whole.</summary>
    Connection,

    /// <summary>Not answered in time.</summary>
    Timeout,

    /// <summary>Answered with success, but not with what is true.</summary>
    WrongAnswer,
}

/// <param name="Request">What was asked, such as <c>basket: put</c>.</param>
/// <param name="Service">Whom the gateway asked.</param>
/// <param name="Status">Null where there was no answer.</param>
public sealed record Failure(DateTimeOffset At, string Request, string Service, FailureKind Kind, int? Status, string Detail);

/// <summary>How long requests of one kind took, from when they should have begun; in milliseconds.</summary>
public sealed record Latencies(string Request, long Count, double P50, double P90, double P99, double Max)
{
    internal static Latencies Of(string request, LongConcurrentHistogram histogram) => new(
        request, histogram.TotalCount, At(histogram, 50), At(histogram, 90), At(histogram, 99), At(histogram, 100));

    private static double At(LongConcurrentHistogram histogram, double percentile) => histogram.GetValueAtPercentile(percentile) / 1_000.0;
}

/// <param name="Orders">The ids of those that were acknowledged.</param>
/// <param name="Slowest">The longest that a request took, failed or not.</param>
public sealed record LoadReport(TimeSpan Elapsed, long Requests, IReadOnlyList<Failure> Failures, IReadOnlyList<string> Orders, TimeSpan Slowest, IReadOnlyList<Latencies> Latencies)
{
    public double Rate => Requests / Elapsed.TotalSeconds;

    public override string ToString()
    {
        var text = new StringBuilder();
        text.AppendLine(CultureInfo.InvariantCulture, $"{Requests} requests in {Elapsed.TotalSeconds:0.0} s ({Rate:0.0}/s), {Failures.Count} failed, {Orders.Count} orders placed, the slowest took {Slowest.TotalMilliseconds:0} ms");
        text.AppendLine(CultureInfo.InvariantCulture, $"{"request",-16} {"count",8} {"p50 ms",9} {"p90 ms",9} {"p99 ms",9} {"max ms",9}");
        foreach (var latency in Latencies)
            text.AppendLine(CultureInfo.InvariantCulture, $"{latency.Request,-16} {latency.Count,8} {latency.P50,9:0.0} {latency.P90,9:0.0} {latency.P99,9:0.0} {latency.Max,9:0.0}");
        foreach (var failures in Failures.GroupBy(failure => (failure.Request, failure.Service, failure.Kind, failure.Status)).OrderByDescending(group => group.Count()))
            text.AppendLine(CultureInfo.InvariantCulture, $"failed: {failures.Count()} × {failures.Key.Request} ({failures.Key.Service}): {failures.Key.Status?.ToString(CultureInfo.InvariantCulture) ?? failures.Key.Kind.ToString()}, first at {failures.First().At:HH:mm:ss.fff}: {failures.First().Detail}");
        return text.ToString();
    }
}

[JsonSourceGenerationOptions(WriteIndented = true, PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, UseStringEnumConverter = true)]
[JsonSerializable(typeof(LoadReport))]
internal sealed partial class LoadJson : JsonSerializerContext;

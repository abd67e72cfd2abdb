using System.Globalization;
using System.Text;
using System.Text.Json.Serialization;

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

    /// <summary>Due, and not begun: too many visits were open.</summary>
    NotSent,
}

/// <param name="Request">What was asked, such as <c>basket: put</c>.</param>
/// <param name="Service">Whom the gateway asked.</param>
/// <param name="Status">Null where there was no answer.</param>
public sealed record Failure(DateTimeOffset At, string Journey, string Request, string Service, FailureKind Kind, int? Status, string Detail);

/// <summary>Failures that are alike.</summary>
/// <param name="First">The first of them.</param>
/// <param name="Last">When the last was.</param>
public sealed record FailureGroup(long Count, Failure First, DateTimeOffset Last);

/// <summary>How long something took, in milliseconds. Of a value of many, all but the first three digits are lost.</summary>
public sealed record Latencies(long Count, double P50, double P90, double P99, double P999, double Max);

/// <param name="Latencies">From when each should have begun: a visit's first request from its place in the schedule, any other from the answer before it.</param>
public sealed record RequestReport(string Journey, string Request, long Failed, Latencies Latencies);

/// <param name="Offered">Visits that were due.</param>
/// <param name="Failed">Those that ended with a request that failed.</param>
/// <param name="Requests">Requests that were answered, or failed.</param>
/// <param name="Latencies">Of its requests.</param>
/// <param name="Visits">Of whole visits, from their places in the schedule.</param>
public sealed record JourneyReport(string Journey, long Offered, long Failed, long Requests, Latencies Latencies, Latencies Visits);

/// <summary>What happened in a second, or in what was left of one at the end.</summary>
/// <param name="At">Seconds from the beginning of the load to its end.</param>
/// <param name="Offered">Requests per second that the visits due in it make.</param>
/// <param name="Answered">Requests per second that were answered in it, or failed.</param>
/// <param name="Open">Visits that were under way at its end.</param>
/// <param name="P50">Of the requests that were answered in it, in milliseconds; null where there are none.</param>
/// <param name="Failed">How many requests failed in it.</param>
public sealed record Second(double At, double Offered, double Answered, long Open, double? P50, double? P99, double? Max, IReadOnlyDictionary<FailureKind, long> Failed);

/// <summary>How long that share of the requests took at most.</summary>
/// <param name="Percent">0 to 100.</param>
public sealed record PercentilePoint(double Percent, double Milliseconds);

/// <summary>What a load has shown.</summary>
public sealed record LoadReport
{
    /// <summary>Failures that are kept one by one; those beyond are only counted.</summary>
    public const int MaxFailures = 10_000;

    public required DateTimeOffset Started { get; init; }

    public required string Shop { get; init; }

    public required string Mix { get; init; }

    public required string Profile { get; init; }

    /// <summary>Until the last visit began.</summary>
    public required TimeSpan Elapsed { get; init; }

    /// <summary>Requests that the visits make that were due, if none fails.</summary>
    public required double Offered { get; init; }

    /// <summary>Those that were answered, or failed.</summary>
    public required long Requests { get; init; }

    /// <summary>Those that failed, and visits that could not begin.</summary>
    public required long Failed { get; init; }

    /// <summary>One by one, in the order in which they were noticed.</summary>
    public required IReadOnlyList<Failure> Failures { get; init; }

    public required IReadOnlyList<FailureGroup> FailureGroups { get; init; }

    /// <summary>The ids of orders that were acknowledged.</summary>
    [JsonIgnore]
    public IReadOnlyList<string> Orders { get; init; } = [];

    public required long OrdersPlaced { get; init; }

    /// <summary>How the orders that were watched ended.</summary>
    public required IReadOnlyDictionary<string, long> OrdersEnded { get; init; }

    /// <summary>From sending an order until its event was here, by status.</summary>
    public required IReadOnlyDictionary<string, Latencies> Milestones { get; init; }

    /// <summary>Of all requests, failed or not.</summary>
    public required Latencies Latencies { get; init; }

    public required IReadOnlyList<PercentilePoint> Percentiles { get; init; }

    public required IReadOnlyList<JourneyReport> Journeys { get; init; }

    public required IReadOnlyList<RequestReport> RequestKinds { get; init; }

    public required IReadOnlyList<Second> Seconds { get; init; }

    /// <summary>How long after their places in the schedule visits began: the generator's own share of the latencies.</summary>
    public required Latencies Lateness { get; init; }

    /// <summary>Visits that had to wait for a customer, since all of them were on others; their latencies show it.</summary>
    public required long WaitedForCustomer { get; init; }

    /// <summary>Event streams that broke off and were resumed.</summary>
    public required long Resumed { get; init; }

    /// <summary>Processor time that this process used meanwhile.</summary>
    public required TimeSpan ProcessorTime { get; init; }

    /// <summary>Requests per second that were offered.</summary>
    [JsonIgnore]
    public double OfferedRate => Offered / Elapsed.TotalSeconds;

    /// <summary>Requests per second that were answered, or failed.</summary>
    [JsonIgnore]
    public double Rate => Requests / Elapsed.TotalSeconds;

    /// <summary>The longest that a request took, failed or not.</summary>
    [JsonIgnore]
    public TimeSpan Slowest => TimeSpan.FromMilliseconds(Latencies.Max);

    /// <summary>What must be known when the figures are read.</summary>
    public required IReadOnlyList<string> Notes { get; init; }

    /// <inheritdoc cref="Notes"/>
    internal LoadReport WithNotes() => this with { Notes = [.. FindNotes()] };

    private IEnumerable<string> FindNotes()
    {
        if (Lateness.P99 > 10)
            yield return Text($"The generator itself was late by {Lateness.P99:0} ms (p99): it had not enough processor time, and the latencies include it.");
        if (WaitedForCustomer > 0)
            yield return $"{WaitedForCustomer} visits waited for a customer, and their latencies include it: sign in more.";
        if (FailureGroups.Any(group => group.First.Status == 429))
            yield return "429: the gateway limits how much one address may ask for; its setting Limits__RequestsPerSecond=0 lifts that.";
        if (Failed > Failures.Count)
            yield return $"Only the first {Failures.Count} failures were kept one by one.";
        if (Resumed > 0)
            yield return $"{Resumed} times an event stream broke off and was resumed.";
    }

    public override string ToString()
    {
        var text = new StringBuilder();
        Line($"{Mix}, {Profile}");
        Line($"{Requests} requests in {Elapsed.TotalSeconds:0.0} s: {OfferedRate:0.0}/s offered, {Rate:0.0}/s answered, {Failed} failed; {OrdersPlaced} orders placed{string.Concat(OrdersEnded.Select(ended => $", {ended.Value} {ended.Key}"))}; {ProcessorTime.TotalSeconds / Elapsed.TotalSeconds:0.00} cores used");
        Line($"{"journey",-10} {"request",-18} {"count",8} {"failed",7} {"p50 ms",9} {"p90 ms",9} {"p99 ms",9} {"p99.9 ms",9} {"max ms",9}");
        foreach (var kind in RequestKinds)
            Row(kind.Journey, kind.Request, kind.Failed, kind.Latencies);
        Row("all", "", Failed, Latencies);
        foreach (var (status, latencies) in Milestones)
            Row("", $"order {status}", null, latencies);
        foreach (var group in FailureGroups)
            Line($"failed: {group.Count} × {group.First.Request} ({group.First.Service}): {group.First.Status?.ToString(CultureInfo.InvariantCulture) ?? group.First.Kind.ToString()}, first at {group.First.At:HH:mm:ss.fff}, last at {group.Last:HH:mm:ss.fff}: {group.First.Detail}");
        foreach (var note in Notes)
            Line($"note: {note}");
        return text.ToString();

        void Row(string journey, string request, long? failed, Latencies latencies) =>
            Line($"{journey,-10} {request,-18} {latencies.Count,8} {failed,7} {latencies.P50,9:0.0} {latencies.P90,9:0.0} {latencies.P99,9:0.0} {latencies.P999,9:0.0} {latencies.Max,9:0.0}");

        void Line(FormattableString line) => text.AppendLine(Text(line));
    }

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}

/// <summary>A report as JSON.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, UseStringEnumConverter = true)]
[JsonSerializable(typeof(LoadReport))]
public sealed partial class LoadJson : JsonSerializerContext;

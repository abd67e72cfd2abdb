using System.Collections.Concurrent;
using System.Diagnostics;
using HdrHistogram;
using ShopMesh.Load.Journeys;

namespace ShopMesh.Load;

/// <summary>Durations, in microseconds of three digits. Any thread records, at no lock's cost; one at a time takes the sum of what came since it last did.</summary>
internal sealed class Durations
{
    private const long Longest = 600_000_000;

    private readonly HdrHistogram.Recorder _recorder = new(1, Longest, 3, (id, lowest, highest, digits) => new LongConcurrentHistogram(id, lowest, highest, digits));
    private HistogramBase? _interval;

    public HistogramBase Total { get; } = NewHistogram();

    public static HistogramBase NewHistogram() => new LongHistogram(1, Longest, 3);

    public static long Clamp(TimeSpan duration) => Math.Clamp((long)duration.TotalMicroseconds, 1, Longest);

    public void Record(TimeSpan duration) => _recorder.RecordValue(Clamp(duration));

    /// <summary>What came since the last time; good until the next.</summary>
    public HistogramBase Take()
    {
        _interval = _recorder.GetIntervalHistogram(_interval);
        if (_interval.TotalCount > 0)
            Total.Add(_interval);
        return _interval;
    }
}

/// <summary>What is recorded of a journey's visits.</summary>
internal sealed class JourneyRecord(Journey journey, Recorder recorder)
{
    private readonly ConcurrentDictionary<string, (Durations Durations, StrongBox Failed)> _requests = new();
    private readonly long[] _failedByKind = new long[Enum.GetValues<FailureKind>().Length];
    private readonly long[] _failedBefore = new long[Enum.GetValues<FailureKind>().Length];
    private readonly HistogramBase _interval = Durations.NewHistogram();
    private long _offered;
    private long _offeredBefore;
    private long _begun;
    private long _ended;
    private long _failedVisits;

    public Journey Journey => journey;

    public Durations Visits { get; } = new();

    public HistogramBase Total { get; } = Durations.NewHistogram();

    /// <summary>A visit is due.</summary>
    public void Due() => _offered++;

    public void Begun() => Interlocked.Increment(ref _begun);

    public void Ended(TimeSpan duration, bool failed)
    {
        Visits.Record(duration);
        Interlocked.Increment(ref _ended);
        if (failed)
            Interlocked.Increment(ref _failedVisits);
    }

    public void Answered(string request, TimeSpan latency)
    {
        Of(request).Durations.Record(latency);
        recorder.Count();
    }

    /// <param name="latency">Null for a request that was counted before, or never sent.</param>
    public void Failed(Failure failure, TimeSpan? latency)
    {
        Interlocked.Increment(ref _failedByKind[(int)failure.Kind]);
        if (failure.Kind != FailureKind.NotSent)
            Interlocked.Increment(ref Of(failure.Request).Failed.Value);
        if (latency is { } duration)
            Answered(failure.Request, duration);
        recorder.Failed(failure);
    }

    public void Acknowledge(string order) => recorder.Acknowledge(order);

    public void Milestone(string status, TimeSpan since) => recorder.Milestone(status, since);

    public void Ended(string status) => recorder.Ended(status);

    public void Resumed() => recorder.Resumed();

    /// <summary>What came since the last time.</summary>
    public (double Offered, long Open, HistogramBase Latencies, long[] Failed) Take()
    {
        _interval.Reset();
        foreach (var (durations, _) in _requests.Values)
        {
            if (durations.Take() is { TotalCount: > 0 } latest)
                _interval.Add(latest);
        }

        if (_interval.TotalCount > 0)
            Total.Add(_interval);
        Visits.Take();
        var offered = Interlocked.Read(ref _offered);
        var due = offered - _offeredBefore;
        _offeredBefore = offered;
        var failed = new long[_failedByKind.Length];
        for (var kind = 0; kind < failed.Length; kind++)
        {
            var now = Interlocked.Read(ref _failedByKind[kind]);
            (failed[kind], _failedBefore[kind]) = (now - _failedBefore[kind], now);
        }

        return (due * journey.Requests, Open, _interval, failed);
    }

    /// <summary>Visits under way.</summary>
    public long Open => Interlocked.Read(ref _begun) - Interlocked.Read(ref _ended);

    public long FailedRequests => _failedByKind.Sum();

    public double OfferedRequests => Interlocked.Read(ref _offered) * journey.Requests;

    public JourneyReport Report() => new(journey.Name, Interlocked.Read(ref _offered), Interlocked.Read(ref _failedVisits), Total.TotalCount, Total.Summary(), Visits.Total.Summary());

    public IEnumerable<RequestReport> Requests() =>
        _requests.OrderBy(pair => pair.Key, StringComparer.Ordinal).Select(pair => new RequestReport(journey.Name, pair.Key, Interlocked.Read(ref pair.Value.Failed.Value), pair.Value.Durations.Total.Summary()));

    private (Durations Durations, StrongBox Failed) Of(string request) => _requests.GetOrAdd(request, _ => (new(), new()));

    private sealed class StrongBox
    {
        public long Value;
    }
}

/// <summary>All that is recorded of a load.</summary>
internal sealed class Recorder
{
    private static readonly double[] Shown = [.. Enumerable.Range(0, 51).Select(step => 100 * (1 - Math.Pow(10, -step / 10.0))), 100];

    private readonly JourneyRecord[] _journeys;
    private readonly ConcurrentQueue<Failure> _failures = new();
    private readonly ConcurrentDictionary<(string, string, FailureKind, int?), FailureGroup> _groups = new();
    private readonly ConcurrentQueue<string> _orders = new();
    private readonly ConcurrentDictionary<string, Durations> _milestones = new();
    private readonly ConcurrentDictionary<string, long> _endings = new();
    private readonly HistogramBase _lateness = Durations.NewHistogram();
    private readonly HistogramBase _total = Durations.NewHistogram();
    private readonly List<Second> _seconds = [];
    private readonly DateTimeOffset _started = DateTimeOffset.UtcNow;
    private readonly TimeSpan _processorTime = Environment.CpuUsage.TotalTime;
    private readonly Lock _taking = new();
    private long _begin = Stopwatch.GetTimestamp();
    private long _taken;
    private long _requests;
    private long _failed;
    private long _waited;
    private long _resumed;

    public Recorder(IEnumerable<Journey> journeys) => _journeys = [.. journeys.Select(journey => new JourneyRecord(journey, this))];

    public long Requests => Interlocked.Read(ref _requests);

    public long Failures => Interlocked.Read(ref _failed);

    public long Open => _journeys.Sum(journey => journey.Open);

    public LoadProgress Latest { get; private set; } = new(TimeSpan.Zero, null, [], []);

    /// <summary>The load begins now.</summary>
    public void Begin() => _begin = _taken = Stopwatch.GetTimestamp();

    public JourneyRecord Of(Journey journey) => Array.Find(_journeys, record => record.Journey == journey)!;

    public void Count() => Interlocked.Increment(ref _requests);

    public void Failed(Failure failure)
    {
        if (Interlocked.Increment(ref _failed) <= LoadReport.MaxFailures)
            _failures.Enqueue(failure);
        _groups.AddOrUpdate((failure.Request, failure.Service, failure.Kind, failure.Status), _ => new(1, failure, failure.At), (_, group) => group with { Count = group.Count + 1, Last = failure.At });
    }

    public void Acknowledge(string order) => _orders.Enqueue(order);

    public void Milestone(string status, TimeSpan since) => _milestones.GetOrAdd(status, _ => new()).Record(since);

    public void Ended(string status) => _endings.AddOrUpdate(status, 1, (_, count) => count + 1);

    public void Resumed() => Interlocked.Increment(ref _resumed);

    public void WaitedForCustomer() => Interlocked.Increment(ref _waited);

    /// <summary>A visit began so long after its time. One thread tells.</summary>
    public void Late(TimeSpan by) => _lateness.RecordValue(Durations.Clamp(by));

    /// <summary>Closes a second.</summary>
    public void Take()
    {
        lock (_taking)
        {
            var now = Stopwatch.GetTimestamp();
            // A stub at the end is not blown up to a rate.
            var (at, since) = (Stopwatch.GetElapsedTime(_begin, now), Math.Max(0.5, Stopwatch.GetElapsedTime(_taken, now).TotalSeconds));
            _taken = now;
            var whole = Durations.NewHistogram();
            var (offered, open, failed) = (0.0, 0L, new long[Enum.GetValues<FailureKind>().Length]);
            var journeys = new List<JourneyProgress>(_journeys.Length);
            foreach (var journey in _journeys)
            {
                var part = journey.Take();
                whole.Add(part.Latencies);
                offered += part.Offered;
                open += part.Open;
                for (var kind = 0; kind < failed.Length; kind++)
                    failed[kind] += part.Failed[kind];
                journeys.Add(new(journey.Journey.Name, SecondOf(part.Offered, part.Open, part.Latencies, part.Failed), journey.Total.TotalCount, journey.FailedRequests));
            }

            _total.Add(whole);
            var second = SecondOf(offered, open, whole, failed);
            _seconds.Add(second);
            Latest = new(at, second, journeys, MostFailures());

            Second SecondOf(double offered, long open, HistogramBase latencies, long[] failed) => new(
                Math.Round(at.TotalSeconds, 3), Math.Round(offered / since, 1), Math.Round(latencies.TotalCount / since, 1), open,
                latencies.TotalCount == 0 ? null : latencies.At(50), latencies.TotalCount == 0 ? null : latencies.At(99), latencies.TotalCount == 0 ? null : latencies.At(100),
                Enum.GetValues<FailureKind>().Where(kind => failed[(int)kind] > 0).ToDictionary(kind => kind, kind => failed[(int)kind]));
        }
    }

    private FailureGroup[] MostFailures() => [.. _groups.Values.OrderByDescending(group => group.Count)];

    public LoadReport Report(LoadOptions options, Profile profile, TimeSpan elapsed)
    {
        Take();
        foreach (var milestone in _milestones.Values)
            milestone.Take();
        return new LoadReport
        {
            Started = _started,
            Shop = options.Gateway.GetLeftPart(UriPartial.Authority),
            Mix = options.Mix.ToString(),
            Profile = profile.ToString(),
            Elapsed = elapsed,
            Offered = _journeys.Sum(journey => journey.OfferedRequests),
            Requests = Requests,
            Failed = Failures,
            Failures = [.. _failures],
            FailureGroups = MostFailures(),
            Orders = [.. _orders],
            OrdersPlaced = _orders.Count,
            OrdersEnded = _endings.ToDictionary(),
            Milestones = _milestones.ToDictionary(pair => pair.Key, pair => pair.Value.Total.Summary()),
            Latencies = _total.Summary(),
            Percentiles = _total.TotalCount == 0 ? [] : [.. Shown.Where(percent => percent == 100 || (1 - (percent / 100)) * _total.TotalCount >= 1).Select(percent => new PercentilePoint(Math.Round(percent, 4), _total.At(percent)))],
            Journeys = [.. _journeys.Select(journey => journey.Report())],
            RequestKinds = [.. _journeys.SelectMany(journey => journey.Requests())],
            Seconds = [.. _seconds],
            Lateness = _lateness.Summary(),
            WaitedForCustomer = Interlocked.Read(ref _waited),
            Resumed = Interlocked.Read(ref _resumed),
            ProcessorTime = Environment.CpuUsage.TotalTime - _processorTime,
            Notes = [],
        }.WithNotes();
    }
}

internal static class Summaries
{
    public static Latencies Summary(this HistogramBase histogram) =>
        histogram.TotalCount == 0 ? new(0, 0, 0, 0, 0, 0) : new(histogram.TotalCount, histogram.At(50), histogram.At(90), histogram.At(99), histogram.At(99.9), histogram.At(100));

    /// <summary>In milliseconds.</summary>
    public static double At(this HistogramBase histogram, double percentile) => histogram.GetValueAtPercentile(percentile) / 1_000.0;
}

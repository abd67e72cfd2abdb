using System.Collections.Concurrent;
using HdrHistogram;

namespace ShopMesh.Load;

internal sealed class Recorder
{
    private readonly ConcurrentDictionary<string, LongConcurrentHistogram> _latencies = new();
    private readonly ConcurrentQueue<Failure> _failures = new();
    private readonly ConcurrentQueue<string> _orders = new();
    private long _requests;
    private long _slowest;

    public long Requests => Interlocked.Read(ref _requests);

    public int Failures => _failures.Count;

    public void Succeeded(string name, TimeSpan latency) => Count(name, latency);

    public void Failed(Failure failure, TimeSpan latency)
    {
        // An answer that is wrong was counted when it came.
        if (failure.Kind is not FailureKind.WrongAnswer)
            Count(failure.Request, latency);
        _failures.Enqueue(failure);
    }

    public void Acknowledge(string order) => _orders.Enqueue(order);

    public LoadReport Report(TimeSpan elapsed) => new(
        elapsed,
        Requests,
        [.. _failures],
        [.. _orders],
        TimeSpan.FromMicroseconds(Interlocked.Read(ref _slowest)),
        [.. _latencies.OrderBy(pair => pair.Key, StringComparer.Ordinal).Select(pair => Latencies.Of(pair.Key, pair.Value))]);

    private void Count(string name, TimeSpan latency)
    {
        var microseconds = (long)latency.TotalMicroseconds;
        Interlocked.Increment(ref _requests);
        _latencies.GetOrAdd(name, _ => new(1, 120_000_000, 3)).RecordValue(Math.Clamp(microseconds, 1, 120_000_000));
        for (var slowest = Interlocked.Read(ref _slowest); microseconds > slowest; slowest = Interlocked.Read(ref _slowest))
            Interlocked.CompareExchange(ref _slowest, microseconds, slowest);
    }
}

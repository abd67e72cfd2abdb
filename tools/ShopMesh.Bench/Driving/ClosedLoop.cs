using System.Diagnostics;
using System.Net.Sockets;
using ShopMesh.Bench.Measuring;

namespace ShopMesh.Bench.Driving;

/// <summary>What was done in a window.</summary>
/// <param name="Latencies">In milliseconds, sorted.</param>
internal sealed record Work(long Count, TimeSpan Elapsed, IReadOnlyList<double> Latencies)
{
    public double Rate => Count / Elapsed.TotalSeconds;

    public double At(double percentile) => Spread.Percentile(Latencies, percentile);
}

/// <summary>Callers who each ask again as soon as they were answered: as much as the machine gives, shared by who asks and who answers.</summary>
internal static class ClosedLoop
{
    /// <summary>Over connections that are kept for the window.</summary>
    public static async Task<Work> RunAsync(Uri address, int connections, TimeSpan window, Func<long, ReadOnlyMemory<byte>> request, CancellationToken cancellationToken)
    {
        var open = Enumerable.Range(0, connections).Select(_ => new HttpConnection(address)).ToArray();
        try
        {
            return await RunAsync(connections, window, async (caller, number) => await open[caller].SendAsync(request(number), cancellationToken), cancellationToken);
        }
        catch (SocketException e)
        {
            throw new Hosting.ShopException($"{address} does not answer: {e.Message}", e);
        }
        finally
        {
            foreach (var connection in open)
                connection.Dispose();
        }
    }

    /// <param name="call">Takes the caller's number, from 0, and the call's.</param>
    public static async Task<Work> RunAsync(int callers, TimeSpan window, Func<int, long, Task> call, CancellationToken cancellationToken)
    {
        var numbers = 0L;
        var start = Stopwatch.GetTimestamp();
        var latencies = await Task.WhenAll(Enumerable.Range(0, callers).Select(caller => Task.Run(async () =>
        {
            var own = new List<double>();
            for (var begun = start; Stopwatch.GetElapsedTime(start, begun) < window;)
            {
                cancellationToken.ThrowIfCancellationRequested();
                await call(caller, Interlocked.Increment(ref numbers));
                var ended = Stopwatch.GetTimestamp();
                own.Add(Stopwatch.GetElapsedTime(begun, ended).TotalMilliseconds);
                begun = ended;
            }

            return own;
        }, cancellationToken)));
        var elapsed = Stopwatch.GetElapsedTime(start);
        double[] sorted = [.. latencies.SelectMany(own => own).Order()];
        return new(sorted.Length, elapsed, sorted);
    }
}

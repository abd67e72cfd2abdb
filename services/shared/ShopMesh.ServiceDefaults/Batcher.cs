using System.Diagnostics;
using Grpc.Core;
using Npgsql;

namespace ShopMesh;

/// <summary>
/// Does for many what each asks for by itself. Whatever comes in while a batch is under way is the next one: with little to do a batch
/// is one item, that waits for nothing; under load batches grow by themselves, and the cost of each item falls.
/// None holds up another: behind a batch that takes long the next one starts all the same, and where a batch fails, and one of its
/// items may be why, each is tried by itself.
/// </summary>
/// <param name="name">Of the activity that a batch is.</param>
/// <param name="run">Gives a result for each item, at its place.</param>
public sealed class Batcher<TItem, TResult>(string name, Func<IReadOnlyList<TItem>, Task<IReadOnlyList<TResult>>> run)
{
    private const int MaxSize = 64;
    private static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(100);

    private readonly Lock _lock = new();
    private readonly Queue<Waiting> _waiting = [];
    private bool _isRunning;

    /// <returns>What became of the item; it is done also when the caller no longer waits.</returns>
    public Task<TResult> RunAsync(TItem item)
    {
        var waiting = new Waiting(item, Activity.Current?.Context ?? default);
        lock (_lock)
        {
            _waiting.Enqueue(waiting);
            if (_isRunning)
                return waiting.Result.Task;
            _isRunning = true;
        }

        // It will run for others than this caller.
        using (ExecutionContext.SuppressFlow())
            _ = Task.Run(RunBatchesAsync);
        return waiting.Result.Task;
    }

    private async Task RunBatchesAsync()
    {
        while (true)
        {
            List<Waiting> batch = [];
            lock (_lock)
            {
                while (batch.Count < MaxSize && _waiting.TryDequeue(out var next))
                    batch.Add(next);
                _isRunning = batch.Count > 0;
            }

            if (batch.Count == 0)
                return;
            await RunAsync(batch).WaitAsync(Patience).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task RunAsync(IReadOnlyList<Waiting> batch)
    {
        using var activity = Batch.Activities.StartActivity(name, ActivityKind.Internal, batch[0].Caller, links: batch.Skip(1).Select(other => new ActivityLink(other.Caller)));
        activity?.SetTag("shopmesh.batch_size", batch.Count);
        try
        {
            var results = await run([.. batch.Select(waiting => waiting.Item)]);
            if (results.Count != batch.Count)
                throw new InvalidOperationException($"{results.Count} results for {batch.Count} items.");
            foreach (var (waiting, result) in batch.Zip(results, (waiting, result) => (waiting, result)))
                waiting.Result.SetResult(result);
        }
        catch (Exception e) when (batch.Count > 1 && MayBeOnAccountOfOne(e))
        {
            await Task.WhenAll(batch.Select(waiting => RunAsync([waiting])));
        }
        catch (Exception e)
        {
            foreach (var waiting in batch)
                waiting.Result.SetException(e);
        }
    }

    /// <summary>Not when a service or the database is away, for all alike.</summary>
    private static bool MayBeOnAccountOfOne(Exception e) =>
        e is RpcException rpc ? rpc.StatusCode is not (StatusCode.Unavailable or StatusCode.DeadlineExceeded) : e is not NpgsqlException or PostgresException;

    private sealed record Waiting(TItem Item, ActivityContext Caller)
    {
        public TaskCompletionSource<TResult> Result { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}

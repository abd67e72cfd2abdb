using Grpc.Core;

namespace ShopMesh.ServiceDefaults.Tests;

/// <summary>Each begins with a batch that is under way until it is let go.</summary>
public sealed class BatcherTests : IAsyncLifetime
{
    private const int Held = 0;
    private const int Impossible = -1;

    private readonly Batcher<int, string> _batcher;
    private readonly List<IReadOnlyList<int>> _batches = [];
    private readonly TaskCompletionSource _begun = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _letGo = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private bool _isAway;
    private Task<string> _held = null!;

    public BatcherTests() => _batcher = new("test", RunAsync);

    public async ValueTask InitializeAsync()
    {
        _held = _batcher.RunAsync(Held);
        await _begun.Task;
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    [Fact]
    public async Task What_is_asked_for_while_a_batch_is_under_way_is_the_next_one()
    {
        var others = Enumerable.Range(1, 10).Select(_batcher.RunAsync).ToList();
        _letGo.SetResult();

        Assert.Equal("0", await _held);
        Assert.Equal(Enumerable.Range(1, 10).Select(item => $"{item}"), await Task.WhenAll(others));
        Assert.Equal([[Held], Enumerable.Range(1, 10)], _batches);
    }

    [Fact]
    public async Task A_batch_that_takes_long_does_not_keep_the_next_one_from_starting()
    {
        Assert.Equal("1", await _batcher.RunAsync(1));
        Assert.False(_held.IsCompleted);
    }

    [Fact]
    public async Task An_item_that_cannot_be_done_fails_by_itself()
    {
        var (bad, good) = (_batcher.RunAsync(Impossible), _batcher.RunAsync(1));
        _letGo.SetResult();

        Assert.Equal("1", await good);
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => bad);
        Assert.Equal([[Held], [Impossible, 1], [Impossible], [1]], _batches);
    }

    [Fact]
    public async Task Where_all_fail_alike_none_is_tried_by_itself()
    {
        List<Task<string>> others = [_batcher.RunAsync(1), _batcher.RunAsync(2)];
        _isAway = true;
        _letGo.SetResult();

        foreach (var other in others)
            await Assert.ThrowsAsync<RpcException>(() => other);
        Assert.Equal([[Held], [1, 2]], _batches);
    }

    private async Task<IReadOnlyList<string>> RunAsync(IReadOnlyList<int> items)
    {
        lock (_batches)
            _batches.Add(items);
        if (items.Contains(Held))
        {
            _begun.SetResult();
            await _letGo.Task;
        }

        if (_isAway)
            throw new RpcException(new(StatusCode.Unavailable, "away"));
        ArgumentOutOfRangeException.ThrowIfEqual(items.Contains(Impossible), true);
        return [.. items.Select(item => $"{item}")];
    }
}

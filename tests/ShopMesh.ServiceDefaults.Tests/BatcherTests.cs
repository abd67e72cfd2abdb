using Grpc.Core;

namespace ShopMesh.ServiceDefaults.Tests;

public sealed class BatcherTests
{
    /// <summary>The item of the first batch: what a test does meanwhile is done before anyone waits for that batch, so that no clock has a part in it.</summary>
    private const int First = 0;
    private const int Impossible = -1;

    private readonly Batcher<int, string> _batcher;
    private readonly List<IReadOnlyList<int>> _batches = [];
    private readonly TaskCompletionSource _begun = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Func<Task> _meanwhile = () => Task.CompletedTask;
    private bool _isAway;

    public BatcherTests() => _batcher = new("test", RunAsync);

    [Fact]
    public async Task What_is_asked_for_while_a_batch_is_under_way_is_the_next_one()
    {
        var others = Meanwhile(Enumerable.Range(1, 10));

        Assert.Equal("0", await _batcher.RunAsync(First));
        Assert.Equal(Enumerable.Range(1, 10).Select(item => $"{item}"), await Task.WhenAll(others));
        Assert.Equal([[First], Enumerable.Range(1, 10)], _batches);
    }

    [Fact]
    public async Task A_batch_that_takes_long_does_not_keep_the_next_one_from_starting()
    {
        var letGo = new TaskCompletionSource();
        var others = Meanwhile([1], letGo.Task);
        var slow = _batcher.RunAsync(First);
        await _begun.Task;

        Assert.Equal("1", await others[0]);
        Assert.False(slow.IsCompleted);
    }

    [Fact]
    public async Task An_item_that_cannot_be_done_fails_by_itself()
    {
        var others = Meanwhile([Impossible, 1]);

        await _batcher.RunAsync(First);
        Assert.Equal("1", await others[1]);
        await Assert.ThrowsAsync<InvalidOperationException>(() => others[0]);
        Assert.Equal([[First], [Impossible, 1], [Impossible], [1]], _batches);
    }

    [Fact]
    public async Task Where_all_fail_alike_none_is_tried_by_itself()
    {
        var others = Meanwhile([1, 2]);
        _isAway = true;

        await Assert.ThrowsAsync<RpcException>(() => _batcher.RunAsync(First));
        foreach (var other in others)
            await Assert.ThrowsAsync<RpcException>(() => other);
        Assert.Equal([[First], [1, 2]], _batches);
    }

    /// <param name="end">When the first batch ends; at once where there is none.</param>
    /// <returns>What becomes of items that are asked for while the first batch is under way, once it has begun.</returns>
    private List<Task<string>> Meanwhile(IEnumerable<int> items, Task? end = null)
    {
        List<Task<string>> asked = [];
        _meanwhile = () =>
        {
            asked.AddRange(items.Select(_batcher.RunAsync));
            _begun.SetResult();
            return end ?? Task.CompletedTask;
        };
        return asked;
    }

    private async Task<IReadOnlyList<string>> RunAsync(IReadOnlyList<int> items)
    {
        lock (_batches)
            _batches.Add(items);
        if (items.Contains(First))
            await _meanwhile();
        if (_isAway)
            throw new RpcException(new(StatusCode.Unavailable, "away"));
        if (items.Contains(Impossible))
            throw new InvalidOperationException();
        return [.. items.Select(item => $"{item}")];
    }
}

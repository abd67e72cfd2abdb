using System.Diagnostics;
using Grpc.Core;
using ShopMesh.Ordering.Data;

namespace ShopMesh.Ordering.Process;

/// <summary>
/// Drives orders through their process: takes what is due, takes an order's steps one after the other for as long as none has to
/// wait, and lets go. An order whose step fails is backed off, and holds up no other.
/// </summary>
internal sealed partial class OrderWorker(OrderQueue queue, OrderProcess process, OrderMetrics metrics, ILogger<OrderWorker> logger) : BackgroundService
{
    private const int MaxInHand = 64;
    private static readonly TimeSpan PollInterval = TimeSpan.FromMilliseconds(200);

    private readonly SemaphoreSlim _free = new(MaxInHand);
    private readonly SemaphoreSlim _woken = new(0, 1);
    private CancellationToken _stopping;

    /// <summary>There is something to do: no need to wait for the next poll.</summary>
    public void Wake()
    {
        try
        {
            _woken.Release();
        }
        catch (SemaphoreFullException)
        {
            // It is awake already.
        }
    }

    /// <summary>
    /// Drives an order that was placed here a moment ago, which is this replica's for a head start. Returns after its first step, so that
    /// the customer finds the basket emptied; or after the head start, when that step takes too long to wait for.
    /// </summary>
    public async Task BeginAsync(Order order)
    {
        // Too busy, or stopping: the order is anyone's when its head start is over.
        if (!await _free.WaitAsync(0, CancellationToken.None))
            return;
        var begun = new TaskCompletionSource();
        _ = DriveAsync(order, _stopping, begun);
        await Task.WhenAny(begun.Task, Task.Delay(OrderQueue.HeadStart, CancellationToken.None));
    }

    public override void Dispose()
    {
        _free.Dispose();
        _woken.Dispose();
        base.Dispose();
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        _stopping = stoppingToken;
        try
        {
            while (true)
            {
                await _free.WaitAsync(stoppingToken);
                var limit = 1;
                while (limit < MaxInHand && _free.Wait(0, CancellationToken.None))
                    limit++;
                var taken = await TakeAsync(limit, stoppingToken);
                foreach (var order in taken)
                    _ = DriveAsync(order, stoppingToken);
                if (taken.Count < limit)
                {
                    _free.Release(limit - taken.Count);
                    await _woken.WaitAsync(PollInterval, stoppingToken);
                }
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // What is in hand ends its step, and is let go of.
            for (var i = 0; i < MaxInHand; i++)
                await _free.WaitAsync(CancellationToken.None);
        }
    }

    private async Task<List<Order>> TakeAsync(int limit, CancellationToken cancellationToken)
    {
        try
        {
            return await queue.TakeAsync(limit, cancellationToken);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            LogNotTaken(e);
            return [];
        }
    }

    private async Task DriveAsync(Order order, CancellationToken stoppingToken, TaskCompletionSource? begun = null)
    {
        using var activity = OrderMetrics.Activities.StartActivity("order process", ActivityKind.Consumer, order.TraceParent);
        activity?.SetTag("shopmesh.order_id", order.Id);
        try
        {
            while (await TakeStepAsync(order))
            {
                begun?.TrySetResult();
                if (stoppingToken.IsCancellationRequested)
                {
                    await queue.LetGoAsync(order, CancellationToken.None);
                    return;
                }
            }
        }
        catch (Exception e)
        {
            // Not even the failure could be saved: the lease ends by itself.
            LogNotSaved(order.Id, order.Step, e);
        }
        finally
        {
            begun?.TrySetResult();
            _free.Release();
        }
    }

    /// <returns>Whether the next step can follow at once.</returns>
    private async Task<bool> TakeStepAsync(Order order)
    {
        Transition transition;
        try
        {
            transition = await process.TakeStepAsync(order, CancellationToken.None);
        }
        catch (Exception e)
        {
            metrics.StepFailed(order.Step);
            LogStepFailed(order.Id, order.Step, order.Attempts + 1, e);
            transition = Transition.Again(e is RpcException rpc ? $"{rpc.StatusCode}: {rpc.Status.Detail}" : e.Message);
        }

        var saved = transition.Retry is { } error
            ? await queue.BackOffAsync(order, error, CancellationToken.None)
            : await queue.SaveAsync(order, transition, CancellationToken.None);
        if (!saved)
        {
            // Cancelled meanwhile, or taken by another worker after a pause.
            metrics.LeaseLost();
            LogLeaseLost(order.Id, order.Step);
            return false;
        }

        if (transition.Retry is not null)
            return false;
        order.Apply(transition);
        if (transition.Step is OrderStep.Done)
            metrics.Ended(order);
        return transition is { Step: not OrderStep.Done, After.Ticks: 0 };
    }

    [LoggerMessage(LogLevel.Warning, "No orders could be taken")]
    private partial void LogNotTaken(Exception exception);

    [LoggerMessage(LogLevel.Warning, "Order {OrderId}: {Step} failed, attempt {Attempt}; it will be tried again")]
    private partial void LogStepFailed(Guid orderId, OrderStep step, int attempt, Exception exception);

    [LoggerMessage(LogLevel.Information, "Order {OrderId}: {Step} was not saved, the order belongs to another worker")]
    private partial void LogLeaseLost(Guid orderId, OrderStep step);

    [LoggerMessage(LogLevel.Warning, "Order {OrderId}: {Step} could not be saved; the order is taken up again when its lease ends")]
    private partial void LogNotSaved(Guid orderId, OrderStep step, Exception exception);
}

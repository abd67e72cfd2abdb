using System.Diagnostics;
using Grpc.Core;
using ShopMesh.Ordering.Data;

namespace ShopMesh.Ordering.Process;

/// <summary>
/// Drives orders through their process: takes what is due, takes an order's steps one after the other for as long as none has to
/// wait, and lets go. Orders that are at the same step take it together, and are saved together. An order whose step fails is backed
/// off, and holds up no other: while it does, it shares a batch only with its like.
/// </summary>
internal sealed partial class OrderWorker : BackgroundService
{
    private const int MaxInHand = 512;
    private const int MaxTaken = 64;
    private static readonly TimeSpan PollInterval = TimeSpan.FromMilliseconds(200);

    /// <summary>How long an order may wait, from its last save on, for its next step to begin: this, a step and its save fit into a lease.</summary>
    private static readonly TimeSpan MaxWait = TimeSpan.FromSeconds(2);

    private readonly OrderQueue _queue;
    private readonly OrderProcess _process;
    private readonly OrderMetrics _metrics;
    private readonly ILogger<OrderWorker> _logger;
    private readonly Dictionary<(OrderStep Step, bool HasFailed), Batcher<Order, Transition>> _steps;
    private readonly Batcher<Change, bool> _saves;
    private readonly SemaphoreSlim _free = new(MaxInHand);
    private readonly SemaphoreSlim _woken = new(0, 1);
    private CancellationToken _stopping;

    public OrderWorker(OrderQueue queue, OrderProcess process, OrderMetrics metrics, ILogger<OrderWorker> logger)
    {
        (_queue, _process, _metrics, _logger) = (queue, process, metrics, logger);
        _saves = new("save", queue.SaveAsync);
        _steps = Enum.GetValues<OrderStep>().SelectMany(step => new[] { (step, false), (step, true) })
            .ToDictionary(key => key, key => new Batcher<Order, Transition>(key.step.ToString(), orders => TakeStepAsync(key.step, orders)));
    }

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

    /// <summary>Whether this worker can take one more order in hand; it is to be begun, or let go of, then.</summary>
    public bool TryHold() => _free.Wait(0, CancellationToken.None);

    /// <summary>Gives up a hold that was not used.</summary>
    public void LetGo() => _free.Release();

    /// <summary>
    /// Drives an order that was placed here a moment ago and is held. Returns after its first step, so that the customer finds the
    /// basket emptied; or after the head start, when that step takes too long to wait for.
    /// </summary>
    public async Task BeginAsync(Order order)
    {
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
                while (limit < MaxTaken && _free.Wait(0, CancellationToken.None))
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
            return await _queue.TakeAsync(limit, cancellationToken);
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
            Transition transition;
            bool isStopping;
            var saved = Task.FromResult(true);
            do
            {
                var step = order.Step;
                transition = await TakeStepAsync(order);
                begun?.TrySetResult();
                if (!await saved)
                    return;
                if (transition.Retry is null)
                    order.Apply(transition);
                isStopping = stoppingToken.IsCancellationRequested;
                if (!transition.GoesOn || isStopping)
                    saved = SaveAsync(order, step, transition, isStopping);
            }
            while ((transition.IsAhead && !isStopping) || await saved);
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

    private async Task<Transition> TakeStepAsync(Order order)
    {
        try
        {
            return await _steps[(order.Step, order.Attempts > 0)].RunAsync(order);
        }
        catch (Exception e)
        {
            LogStepFailed(order.Id, order.Step, order.Attempts + 1, e);
            return Transition.Again(e is RpcException rpc ? $"{rpc.StatusCode}: {rpc.Status.Detail}" : e.Message);
        }
    }

    /// <summary>Those that had to wait for long are let go of, as far as they have come, to be taken again with a whole lease.</summary>
    private async Task<IReadOnlyList<Transition>> TakeStepAsync(OrderStep step, IReadOnlyList<Order> orders)
    {
        var inTime = orders.Where(order => Stopwatch.GetElapsedTime(order.HeldSince) < MaxWait).ToList();
        var taken = inTime.Count == 0 ? [] : await _process.TakeStepAsync(step, inTime, OrderProcess.StepDeadline);
        if (taken.Count != inTime.Count)
            throw new InvalidOperationException($"{taken.Count} answers for {inTime.Count} orders.");
        var transitions = inTime.Zip(taken).ToDictionary(pair => pair.First, pair => pair.Second);
        return [.. orders.Select(order => transitions.GetValueOrDefault(order) ?? Transition.To(step, after: TimeSpan.FromMilliseconds(1)))];
    }

    /// <returns>Whether the next step can follow at once.</returns>
    private async Task<bool> SaveAsync(Order order, OrderStep step, Transition transition, bool isStopping)
    {
        if (transition.Retry is not null)
            _metrics.StepFailed(step);
        if (!await _saves.RunAsync(new(order, transition, isStopping)))
        {
            // Cancelled meanwhile, or taken by another worker after a pause.
            _metrics.LeaseLost();
            LogLeaseLost(order.Id, step);
            return false;
        }

        if (transition.Step is OrderStep.Done)
            _metrics.Ended(order);
        return transition is { Retry: null, Step: not OrderStep.Done, After.Ticks: 0 } && !isStopping;
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

using Grpc.Core;
using Microsoft.Extensions.Options;
using ShopMesh.Ordering.Data;
using Authorized = ShopMesh.Payment.V1.AuthorizeResponse.Types.Outcome;
using BasketClient = ShopMesh.Basket.V1.Basket.BasketClient;
using CalledOff = ShopMesh.Shipping.V1.CancelShipmentsResponse.Types.Outcome;
using Captured = ShopMesh.Payment.V1.CaptureResponse.Types.Outcome;
using CatalogClient = ShopMesh.Catalog.V1.Catalog.CatalogClient;
using Committed = ShopMesh.Inventory.V1.CommitResponse.Types.Outcome;
using Created = ShopMesh.Shipping.V1.CreateShipmentsResponse.Types.Outcome;
using Dispatched = ShopMesh.Shipping.V1.DispatchShipmentsResponse.Types.Outcome;
using InventoryClient = ShopMesh.Inventory.V1.Inventory.InventoryClient;
using PaymentClient = ShopMesh.Payment.V1.Payment.PaymentClient;
using Refunded = ShopMesh.Payment.V1.RefundResponse.Types.Outcome;
using Reserved = ShopMesh.Inventory.V1.ReserveResponse.Types.Outcome;
using ShipmentStatus = ShopMesh.Shipping.V1.Shipment.Types.Status;
using ShippingClient = ShopMesh.Shipping.V1.Shipping.ShippingClient;
using Voided = ShopMesh.Payment.V1.VoidResponse.Types.Outcome;

namespace ShopMesh.Ordering.Process;

/// <summary>
/// The order process, a step at a time:
/// <code>
/// Submitted ─reserve stock─▶ Reserved ─authorise─▶ Paid ─capture, commit stock, create shipment─▶ Confirmed ─▶ Dispatched ─▶ Delivered
///     │ out of stock             │ declined              │
///     ▼                          ▼                       │      a cancel, while not yet dispatching, from any of the first four:
///  Rejected                   Rejected                   ▼      void or refund, release or return stock, cancel the shipment
///                                                    Cancelled
/// </code>
/// A step asks a service, for all orders that are at it, and says what follows for each from its answer; it changes nothing here.
/// Each may be asked twice: the callees are idempotent by order id. Only an answer refuses an order: whatever is thrown is tried
/// again, without limit.
/// </summary>
internal sealed class OrderProcess(
    BasketClient basket, CatalogClient catalog, InventoryClient inventory, PaymentClient payment, ShippingClient shipping, IOptions<OrderingOptions> options, TimeProvider time)
{
    /// <summary>The whole of a step, its retries included; shorter than a lease.</summary>
    public static readonly TimeSpan StepDeadline = TimeSpan.FromSeconds(5);

    /// <param name="orders">One or more, at this step.</param>
    /// <param name="deadline">Within <see cref="StepDeadline"/>.</param>
    /// <returns>What follows for each order, at its place.</returns>
    /// <exception cref="RpcException">A service did not answer, or could not do it now: the step is to be tried again.</exception>
    public async Task<IReadOnlyList<Transition>> TakeStepAsync(OrderStep step, IReadOnlyList<Order> orders, TimeSpan deadline)
    {
        var call = new CallOptions(deadline: time.GetUtcNow().UtcDateTime + deadline);
        return [.. step switch
        {
            OrderStep.Reserve => await ReserveAsync(orders, call),
            OrderStep.Authorize => await AuthorizeAsync(orders, call),
            OrderStep.Capture => await CaptureAsync(orders, call),
            OrderStep.Fulfil => await FulfilAsync(orders, call),
            OrderStep.AwaitDispatch => orders.Select(_ => Transition.To(OrderStep.Dispatch)),
            OrderStep.Dispatch => await DispatchAsync(orders, call),
            OrderStep.Deliver => await DeliverAsync(orders, call),
            OrderStep.Undo => await UndoAsync(orders, call),
            _ => throw new InvalidOperationException($"There is nothing to do at {step}."),
        }];
    }

    /// <summary>Either is done whether or not the other can be.</summary>
    private async Task<IEnumerable<Transition>> ReserveAsync(IReadOnlyList<Order> orders, CallOptions call)
    {
        var holding = HoldAsync(orders, call);
        await Task.WhenAll(EmptyBasketsAsync(orders, call), holding);
        return await holding;
    }

    private async Task EmptyBasketsAsync(IReadOnlyList<Order> orders, CallOptions call) => await basket.RemoveItemsAsync(new()
    {
        Orders =
        {
            orders.Select(order => new Basket.V1.RemoveItemsRequest.Types.Order
            {
                CustomerId = order.CustomerId,
                OrderId = order.Id.ToString(),
                Items = { order.Lines.Select(line => new Basket.V1.Item { ProductId = line.ProductId, Quantity = line.Quantity }) },
            }),
        },
    }, call);

    private async Task<IEnumerable<Transition>> HoldAsync(IReadOnlyList<Order> orders, CallOptions call)
    {
        // An order that had to wait for its stock may have outlived what it is for.
        var waited = orders.Where(order => order.Attempts > 0).ToList();
        var sold = waited.Count > 0 ? await SoldAsync(waited, call) : [];
        var wanted = orders.Where(order => order.Attempts == 0 || order.Lines.All(line => sold.Contains(line.ProductId))).ToList();
        if (wanted.Count == 0)
            return orders.Select(_ => Transition.Reject(RejectionReasons.ProductUnavailable));

        var answer = await inventory.ReserveAsync(new()
        {
            Orders =
            {
                wanted.Select(order => new Inventory.V1.ReserveRequest.Types.Order
                {
                    OrderId = order.Id.ToString(),
                    Lines = { order.Lines.Select(line => new Inventory.V1.Line { ProductId = line.ProductId, Quantity = line.Quantity }) },
                }),
            },
        }, call);
        var transitions = Pair(wanted, answer.Results).ToDictionary(pair => pair.First, pair => pair.Second.Outcome switch
        {
            Reserved.Reserved => Transition.Ahead(OrderStep.Authorize, OrderStatus.Reserved),
            // Inventory keeps this answer: nothing is held, and nothing will be.
            Reserved.OutOfStock => Transition.End(OrderStatus.Rejected) with { Reason = RejectionReasons.OutOfStock },
            var outcome => Unexpected(outcome),
        });
        return orders.Select(order => transitions.GetValueOrDefault(order, Transition.Reject(RejectionReasons.ProductUnavailable)));
    }

    private async Task<IEnumerable<Transition>> AuthorizeAsync(IReadOnlyList<Order> orders, CallOptions call)
    {
        var answer = await payment.AuthorizeAsync(new()
        {
            Orders =
            {
                orders.Select(order => new Payment.V1.AuthorizeRequest.Types.Order
                {
                    OrderId = order.Id.ToString(),
                    CustomerId = order.CustomerId,
                    Token = order.PaymentToken,
                    Amount = new Money(order.Total).ToMessage(),
                }),
            },
        }, call);
        return answer.Results.Select(result => result.Outcome switch
        {
            Authorized.Authorized => Transition.Ahead(OrderStep.Capture, OrderStatus.Paid) with { CardBrand = result.Card.Brand, CardLast4 = result.Card.Last4 },
            Authorized.Declined => Transition.Reject(RejectionReasons.PaymentDeclined) with { CardBrand = result.Card?.Brand, CardLast4 = result.Card?.Last4 },
            Authorized.TryAgain => Transition.Again("The card's bank asks to try again."),
            var outcome => Unexpected(outcome),
        });
    }

    /// <summary>
    /// The pivot: before it the order can still be rejected, after it everything is tried until it is done. Payment remembers on which
    /// side the order is: once captured, it answers so however often it is asked.
    /// </summary>
    private async Task<IEnumerable<Transition>> CaptureAsync(IReadOnlyList<Order> orders, CallOptions call)
    {
        var answer = await payment.CaptureAsync(new() { OrderIds = { Ids(orders) } }, call);
        return answer.Outcomes.Select(outcome => outcome switch
        {
            Captured.Captured => Transition.On(OrderStep.Fulfil),
            Captured.Refused => Transition.Reject(RejectionReasons.PaymentDeclined),
            _ => Unexpected(outcome),
        });
    }

    private async Task<IEnumerable<Transition>> FulfilAsync(IReadOnlyList<Order> orders, CallOptions call)
    {
        using var commit = inventory.CommitAsync(new() { OrderIds = { Ids(orders) } }, call);
        using var create = shipping.CreateShipmentsAsync(new()
        {
            Orders = { orders.Select(order => new Shipping.V1.CreateShipmentsRequest.Types.Order { OrderId = order.Id.ToString(), RateId = order.ShippingOption, Address = order.ShippingAddress.ToMessage() }) },
        }, call);
        await Task.WhenAll(commit.ResponseAsync, create.ResponseAsync);
        return Pair((await commit).Outcomes, (await create).Results).Select(pair => pair switch
        {
            (Committed.Committed, { Outcome: Created.Created } created) => Transition.To(OrderStep.AwaitDispatch, OrderStatus.Confirmed, options.Value.DispatchDelay) with
            {
                Carrier = created.Shipment.Carrier,
                TrackingNumber = created.Shipment.TrackingNumber,
            },
            (Committed.Committed, var created) => Unexpected(created.Outcome),
            var (committed, _) => Unexpected(committed),
        });
    }

    /// <summary>The row says by now that the dispatch has begun, so that no cancel can come between.</summary>
    private async Task<IEnumerable<Transition>> DispatchAsync(IReadOnlyList<Order> orders, CallOptions call)
    {
        var answer = await shipping.DispatchShipmentsAsync(new() { OrderIds = { Ids(orders) } }, call);
        return answer.Results.Select(result =>
        {
            if (result.Outcome is not Dispatched.Dispatched)
                return Unexpected(result.Outcome);
            var untilDelivery = result.Shipment.ExpectedDelivery.ToDateTimeOffset() - time.GetUtcNow();
            return Transition.To(OrderStep.Deliver, OrderStatus.Dispatched, untilDelivery > TimeSpan.Zero ? untilDelivery : TimeSpan.Zero);
        });
    }

    private async Task<IEnumerable<Transition>> DeliverAsync(IReadOnlyList<Order> orders, CallOptions call)
    {
        var answer = await shipping.GetShipmentsAsync(new() { OrderIds = { Ids(orders) } }, call);
        var delivered = answer.Shipments.Where(shipment => shipment.Status is ShipmentStatus.Delivered).Select(shipment => shipment.OrderId).ToHashSet();
        return orders.Select(order => delivered.Contains(order.Id.ToString())
            ? Transition.End(OrderStatus.Delivered)
            : Transition.To(OrderStep.Deliver, after: TimeSpan.FromMilliseconds(500)));
    }

    /// <summary>
    /// Takes back whatever was done, or may still be done by a worker that was paused: each call leaves a tombstone.
    /// An order ends when all of it was acknowledged.
    /// </summary>
    private async Task<IEnumerable<Transition>> UndoAsync(IReadOnlyList<Order> orders, CallOptions call)
    {
        var failed = new Dictionary<string, Transition>();
        var calledOff = await shipping.CancelShipmentsAsync(new() { OrderIds = { Ids(orders) } }, call);
        foreach (var (id, outcome) in Pair(Ids(orders), calledOff.Outcomes).Where(pair => pair.Second is not CalledOff.Cancelled))
            failed[id] = Unexpected(outcome);

        string[] left = [.. Ids(orders).Where(id => !failed.ContainsKey(id))];
        if (left.Length > 0)
        {
            var voided = await payment.VoidAsync(new() { OrderIds = { left } }, call);
            string[] captured = [.. Pair(left, voided.Outcomes).Where(pair => pair.Second is Voided.Captured).Select(pair => pair.First)];
            if (captured.Length > 0)
            {
                var refunded = await payment.RefundAsync(new() { OrderIds = { captured } }, call);
                foreach (var (id, outcome) in Pair(captured, refunded.Outcomes).Where(pair => pair.Second is not Refunded.Refunded))
                    failed[id] = Unexpected(outcome);
            }

            await inventory.ReleaseAsync(new() { OrderIds = { left } }, call);
        }

        return orders.Select(order => failed.GetValueOrDefault(order.Id.ToString(), Transition.End(order.CancelRequested ? OrderStatus.Cancelled : OrderStatus.Rejected)));
    }

    /// <returns>Of the products in these orders those that are still sold.</returns>
    private async Task<HashSet<string>> SoldAsync(IEnumerable<Order> orders, CallOptions call)
    {
        var asked = orders.SelectMany(order => order.Lines).Select(line => line.ProductId).Distinct().Chunk(Page.MaxLimit);
        var answers = await Task.WhenAll(asked.Select(ids => catalog.GetProductsAsync(new() { Ids = { ids } }, call).ResponseAsync));
        return [.. answers.SelectMany(answer => answer.Products).Select(product => product.Id)];
    }

    private static string[] Ids(IEnumerable<Order> orders) => [.. orders.Select(order => order.Id.ToString())];

    /// <summary>Each with its answer. One that is missing must not pass for one.</summary>
    private static IEnumerable<(TAsked First, TAnswer Second)> Pair<TAsked, TAnswer>(IReadOnlyCollection<TAsked> asked, IReadOnlyCollection<TAnswer> answers) =>
        asked.Count == answers.Count ? asked.Zip(answers) : throw new InvalidOperationException($"{answers.Count} answers for {asked.Count} orders.");

    /// <summary>An order that was undone belongs to another worker by now, and what this one makes of it will not be saved.</summary>
    private static Transition Unexpected(Enum outcome) => Transition.Again($"Answered {outcome}.");
}

/// <summary>What follows from a step: the next one, with what the order's row learns.</summary>
/// <param name="Status">The order's new status; null when it stays as it is.</param>
/// <param name="After">How long to wait before the next step.</param>
internal sealed record Transition(OrderStep Step, OrderStatus? Status, TimeSpan After)
{
    public string? Reason { get; init; }

    public string? CardBrand { get; init; }

    public string? CardLast4 { get; init; }

    public string? Carrier { get; init; }

    public string? TrackingNumber { get; init; }

    /// <summary>The same step has to be tried again, for this reason.</summary>
    public string? Retry { get; init; }

    /// <summary>
    /// Not worth a save of its own: nobody sees a difference, and the step may be asked again. The next save covers it.
    /// </summary>
    public bool GoesOn { get; init; }

    /// <summary>
    /// Saved while the next step is under way: should the order turn out to be another worker's, that step has done nothing which its
    /// undo does not take back or forbid.
    /// </summary>
    public bool IsAhead { get; init; }

    public static Transition To(OrderStep step, OrderStatus? status = null, TimeSpan after = default) => new(step, status, after);

    /// <inheritdoc cref="GoesOn"/>
    public static Transition On(OrderStep step) => new(step, null, TimeSpan.Zero) { GoesOn = true };

    /// <inheritdoc cref="IsAhead"/>
    public static Transition Ahead(OrderStep step, OrderStatus status) => new(step, status, TimeSpan.Zero) { IsAhead = true };

    /// <summary>Rejects the order, once whatever was done for it is undone.</summary>
    public static Transition Reject(string reason) => new(OrderStep.Undo, null, TimeSpan.Zero) { Reason = reason };

    public static Transition Again(string reason) => new(default, null, TimeSpan.Zero) { Retry = reason };

    public static Transition End(OrderStatus status) => new(OrderStep.Done, status, TimeSpan.Zero);
}

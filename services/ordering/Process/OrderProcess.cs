using Grpc.Core;
using Microsoft.Extensions.Options;
using ShopMesh.Ordering.Data;
using Authorized = ShopMesh.Payment.V1.AuthorizeResponse.Types.Outcome;
using BasketClient = ShopMesh.Basket.V1.Basket.BasketClient;
using Captured = ShopMesh.Payment.V1.CaptureResponse.Types.Outcome;
using CatalogClient = ShopMesh.Catalog.V1.Catalog.CatalogClient;
using Created = ShopMesh.Shipping.V1.CreateShipmentResponse.Types.Outcome;
using InventoryClient = ShopMesh.Inventory.V1.Inventory.InventoryClient;
using PaymentClient = ShopMesh.Payment.V1.Payment.PaymentClient;
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
/// A step asks a service and says what follows from its answer; it changes nothing here. Each may be asked twice: the callees
/// are idempotent by order id. Only an answer refuses an order: whatever is thrown is tried again, without limit.
/// </summary>
internal sealed class OrderProcess(
    BasketClient basket, CatalogClient catalog, InventoryClient inventory, PaymentClient payment, ShippingClient shipping, IOptions<OrderingOptions> options, TimeProvider time)
{
    /// <summary>The whole of a step, its retries included; shorter than a lease.</summary>
    public static readonly TimeSpan StepDeadline = TimeSpan.FromSeconds(5);

    /// <exception cref="RpcException">A service did not answer, or could not do it now: the step is to be tried again.</exception>
    public Task<Transition> TakeStepAsync(Order order, CancellationToken cancellationToken)
    {
        var call = new CallOptions(deadline: time.GetUtcNow().UtcDateTime + StepDeadline, cancellationToken: cancellationToken);
        return order.Step switch
        {
            OrderStep.EmptyBasket => EmptyBasketAsync(order, call),
            OrderStep.Reserve => ReserveAsync(order, call),
            OrderStep.Authorize => AuthorizeAsync(order, call),
            OrderStep.Capture => CaptureAsync(order, call),
            OrderStep.CommitStock => CommitStockAsync(order, call),
            OrderStep.CreateShipment => CreateShipmentAsync(order, call),
            OrderStep.AwaitDispatch => Task.FromResult(Transition.To(OrderStep.Dispatch)),
            OrderStep.Dispatch => DispatchAsync(order, call),
            OrderStep.Deliver => DeliverAsync(order, call),
            OrderStep.Undo => UndoAsync(order, call),
            _ => throw new InvalidOperationException($"There is nothing to do at {order.Step}."),
        };
    }

    private async Task<Transition> EmptyBasketAsync(Order order, CallOptions call)
    {
        await basket.RemoveItemsAsync(new()
        {
            CustomerId = order.CustomerId,
            OrderId = order.Id.ToString(),
            Items = { order.Lines.Select(line => new Basket.V1.Item { ProductId = line.ProductId, Quantity = line.Quantity }) },
        }, call);
        return Transition.To(OrderStep.Reserve);
    }

    private async Task<Transition> ReserveAsync(Order order, CallOptions call)
    {
        // An order that had to wait for its stock may have outlived what it is for.
        if (order.Attempts > 0 && !await StillSoldAsync(order, call))
            return Transition.Reject(RejectionReasons.ProductUnavailable);

        var answer = await inventory.ReserveAsync(new()
        {
            OrderId = order.Id.ToString(),
            Lines = { order.Lines.Select(line => new Inventory.V1.Line { ProductId = line.ProductId, Quantity = line.Quantity }) },
        }, call);
        return answer.Outcome switch
        {
            Reserved.Reserved => Transition.To(OrderStep.Authorize, OrderStatus.Reserved),
            // Inventory keeps this answer: nothing is held, and nothing will be.
            Reserved.OutOfStock => Transition.End(OrderStatus.Rejected) with { Reason = RejectionReasons.OutOfStock },
            _ => throw UnexpectedAnswer(answer.Outcome),
        };
    }

    private async Task<Transition> AuthorizeAsync(Order order, CallOptions call)
    {
        var answer = await payment.AuthorizeAsync(new()
        {
            OrderId = order.Id.ToString(),
            CustomerId = order.CustomerId,
            Token = order.PaymentToken,
            Amount = new Money(order.Total).ToMessage(),
        }, call);
        return answer.Outcome switch
        {
            Authorized.Authorized => Transition.To(OrderStep.Capture, OrderStatus.Paid) with { CardBrand = answer.Card.Brand, CardLast4 = answer.Card.Last4 },
            Authorized.Declined => Transition.Reject(RejectionReasons.PaymentDeclined) with { CardBrand = answer.Card?.Brand, CardLast4 = answer.Card?.Last4 },
            Authorized.TryAgain => Transition.Again("The card's bank asks to try again."),
            _ => throw UnexpectedAnswer(answer.Outcome),
        };
    }

    /// <summary>The pivot: before it the order can still be rejected, after it everything is tried until it is done.</summary>
    private async Task<Transition> CaptureAsync(Order order, CallOptions call)
    {
        var answer = await payment.CaptureAsync(new() { OrderId = order.Id.ToString() }, call);
        return answer.Outcome switch
        {
            Captured.Captured => Transition.To(OrderStep.CommitStock),
            Captured.Refused => Transition.Reject(RejectionReasons.PaymentDeclined),
            _ => throw UnexpectedAnswer(answer.Outcome),
        };
    }

    private async Task<Transition> CommitStockAsync(Order order, CallOptions call)
    {
        await inventory.CommitAsync(new() { OrderId = order.Id.ToString() }, call);
        return Transition.To(OrderStep.CreateShipment);
    }

    private async Task<Transition> CreateShipmentAsync(Order order, CallOptions call)
    {
        var answer = await shipping.CreateShipmentAsync(new() { OrderId = order.Id.ToString(), RateId = order.ShippingOption, Address = order.ShippingAddress.ToMessage() }, call);
        return answer.Outcome is Created.Created
            ? Transition.To(OrderStep.AwaitDispatch, OrderStatus.Confirmed, options.Value.DispatchDelay) with { Carrier = answer.Shipment.Carrier, TrackingNumber = answer.Shipment.TrackingNumber }
            : throw UnexpectedAnswer(answer.Outcome);
    }

    /// <summary>The row says by now that the dispatch has begun, so that no cancel can come between.</summary>
    private async Task<Transition> DispatchAsync(Order order, CallOptions call)
    {
        var answer = await shipping.DispatchShipmentAsync(new() { OrderId = order.Id.ToString() }, call);
        var untilDelivery = answer.Shipment.ExpectedDelivery.ToDateTimeOffset() - time.GetUtcNow();
        return Transition.To(OrderStep.Deliver, OrderStatus.Dispatched, untilDelivery > TimeSpan.Zero ? untilDelivery : TimeSpan.Zero);
    }

    private async Task<Transition> DeliverAsync(Order order, CallOptions call)
    {
        var answer = await shipping.GetShipmentsAsync(new() { OrderIds = { order.Id.ToString() } }, call);
        return answer.Shipments is [{ Status: ShipmentStatus.Delivered }]
            ? Transition.End(OrderStatus.Delivered)
            : Transition.To(OrderStep.Deliver, after: TimeSpan.FromMilliseconds(500));
    }

    /// <summary>
    /// Takes back whatever was done, or may still be done by a worker that was paused: each call leaves a tombstone.
    /// The order ends when all of it was acknowledged.
    /// </summary>
    private async Task<Transition> UndoAsync(Order order, CallOptions call)
    {
        var id = order.Id.ToString();
        await shipping.CancelShipmentAsync(new() { OrderId = id }, call);
        if ((await payment.VoidAsync(new() { OrderId = id }, call)).Outcome is Voided.Captured)
            await payment.RefundAsync(new() { OrderId = id }, call);
        await inventory.ReleaseAsync(new() { OrderId = id }, call);
        return Transition.End(order.CancelRequested ? OrderStatus.Cancelled : OrderStatus.Rejected);
    }

    private async Task<bool> StillSoldAsync(Order order, CallOptions call)
    {
        var products = await catalog.GetProductsAsync(new() { Ids = { order.Lines.Select(line => line.ProductId) } }, call);
        return products.Products.Count == order.Lines.Count;
    }

    /// <summary>An order that was undone belongs to another worker by now, and what this one makes of it will not be saved.</summary>
    private static InvalidOperationException UnexpectedAnswer(Enum outcome) => new($"Answered {outcome}.");
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

    public static Transition To(OrderStep step, OrderStatus? status = null, TimeSpan after = default) => new(step, status, after);

    /// <summary>Rejects the order, once whatever was done for it is undone.</summary>
    public static Transition Reject(string reason) => new(OrderStep.Undo, null, TimeSpan.Zero) { Reason = reason };

    public static Transition Again(string reason) => new(default, null, TimeSpan.Zero) { Retry = reason };

    public static Transition End(OrderStatus status) => new(OrderStep.Done, status, TimeSpan.Zero);
}

using Google.Protobuf.Collections;
using Grpc.Core;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Mvc;
using Microsoft.EntityFrameworkCore;
using ShopMesh.Inventory.Data;
using ShopMesh.Inventory.V1;

namespace ShopMesh.Inventory.Grpc;

[Authorize(Policies.Mesh)]
[RequestSizeLimit(Batch.MaxRequestSize)]
internal sealed class InventoryService(InventoryContext context, Reservations reservations) : V1.Inventory.InventoryBase
{
    public override async Task<GetAvailabilityResponse> GetAvailability(GetAvailabilityRequest request, ServerCallContext call)
    {
        if (request.ProductIds.Count > Page.MaxLimit)
            throw Batch.Invalid($"At most {Page.MaxLimit} products.");
        var available = await context.GetAvailableAsync([.. request.ProductIds], call.CancellationToken);
        return new() { Items = { available.Select(item => new Availability { ProductId = item.ProductId, Available = item.Available }) } };
    }

    public override async Task<ReserveResponse> Reserve(ReserveRequest request, ServerCallContext call)
    {
        Batch.RequireIds(request.Orders.Select(order => order.OrderId), "orders");
        if (!request.Orders.All(order => AreValid(order.Lines)))
            throw Batch.Invalid($"lines must be 1 to {Page.MaxLimit}, each of another product and of one piece or more.");

        var held = await reservations.ReserveAsync(
            [.. request.Orders.Select(order => new Wish(order.OrderId, [.. order.Lines.Select(line => line.ProductId)], [.. order.Lines.Select(line => line.Quantity)]))], call.CancellationToken);
        return new() { Results = { request.Orders.Select(order => ToMessage(held[order.OrderId])) } };
    }

    public override async Task<CommitResponse> Commit(CommitRequest request, ServerCallContext call)
    {
        var committed = await reservations.CommitAsync(Batch.RequireIds(request.OrderIds, "order_ids"), call.CancellationToken);
        return new() { Outcomes = { request.OrderIds.Select(order => committed.Contains(order) ? CommitResponse.Types.Outcome.Committed : CommitResponse.Types.Outcome.NothingHeld) } };
    }

    public override async Task<ReleaseResponse> Release(ReleaseRequest request, ServerCallContext call)
    {
        await reservations.ReleaseAsync(Batch.RequireIds(request.OrderIds, "order_ids"), call.CancellationToken);
        return new();
    }

    private static bool AreValid(RepeatedField<Line> lines) =>
        lines.Count is >= 1 and <= Page.MaxLimit
        && lines.All(line => line.Quantity >= 1 && line.ProductId is { Length: >= 1 and <= InventoryContext.MaxIdLength })
        && lines.DistinctBy(line => line.ProductId).Count() == lines.Count;

    private static ReserveResponse.Types.Result ToMessage(Held held) => new()
    {
        Outcome = held.Status switch
        {
            ReservationStatus.OutOfStock => ReserveResponse.Types.Outcome.OutOfStock,
            ReservationStatus.Released => ReserveResponse.Types.Outcome.Released,
            _ => ReserveResponse.Types.Outcome.Reserved,
        },
        MissingProductIds = { held.MissingProductIds },
    };
}

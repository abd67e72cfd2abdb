using Grpc.Core;
using Microsoft.AspNetCore.Authorization;
using Microsoft.EntityFrameworkCore;
using ShopMesh.Inventory.Data;
using ShopMesh.Inventory.V1;

namespace ShopMesh.Inventory.Grpc;

[Authorize(Policies.Mesh)]
internal sealed class InventoryService(InventoryContext context, Reservations reservations) : V1.Inventory.InventoryBase
{
    public override async Task<GetAvailabilityResponse> GetAvailability(GetAvailabilityRequest request, ServerCallContext call)
    {
        if (request.ProductIds.Count > Page.MaxLimit)
            throw Invalid($"At most {Page.MaxLimit} products.");
        var available = await context.GetAvailableAsync([.. request.ProductIds], call.CancellationToken);
        return new() { Items = { available.Select(item => new Availability { ProductId = item.ProductId, Available = item.Available }) } };
    }

    public override async Task<ReserveResponse> Reserve(ReserveRequest request, ServerCallContext call)
    {
        RequireId(request.OrderId, "order_id");
        if (request.Lines.Count is 0 or > Page.MaxLimit || request.Lines.Any(line => line.Quantity < 1 || line.ProductId is not { Length: >= 1 and <= InventoryContext.MaxIdLength })
            || request.Lines.DistinctBy(line => line.ProductId).Count() != request.Lines.Count)
        {
            throw Invalid($"lines must be 1 to {Page.MaxLimit}, each of another product and of one piece or more.");
        }

        var (outcome, missing) = await reservations.ReserveAsync(request.OrderId, [.. request.Lines.Select(line => new ReservationLine(line.ProductId, line.Quantity))], call.CancellationToken);
        return new()
        {
            Outcome = outcome switch
            {
                ReserveOutcome.Reserved => ReserveResponse.Types.Outcome.Reserved,
                ReserveOutcome.OutOfStock => ReserveResponse.Types.Outcome.OutOfStock,
                _ => ReserveResponse.Types.Outcome.Released,
            },
            MissingProductIds = { missing },
        };
    }

    public override async Task<CommitResponse> Commit(CommitRequest request, ServerCallContext call)
    {
        RequireId(request.OrderId, "order_id");
        return await reservations.CommitAsync(request.OrderId, call.CancellationToken) ? new() : throw new RpcException(new(StatusCode.FailedPrecondition, "The order holds nothing."));
    }

    public override async Task<ReleaseResponse> Release(ReleaseRequest request, ServerCallContext call)
    {
        RequireId(request.OrderId, "order_id");
        await reservations.ReleaseAsync(request.OrderId, call.CancellationToken);
        return new();
    }

    private static void RequireId(string id, string field)
    {
        if (id.Length is 0 or > InventoryContext.MaxIdLength)
            throw Invalid($"{field} must have 1 to {InventoryContext.MaxIdLength} characters.");
    }

    private static RpcException Invalid(string detail) => new(new(StatusCode.InvalidArgument, detail));
}

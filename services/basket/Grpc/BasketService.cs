using Grpc.Core;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Mvc;
using ShopMesh.Basket.Data;
using ShopMesh.Basket.V1;

namespace ShopMesh.Basket.Grpc;

[Authorize(Policies.Mesh)]
[RequestSizeLimit(Batch.MaxRequestSize)]
internal sealed class BasketService(BasketRows rows) : V1.Basket.BasketBase
{
    public override async Task<GetBasketsResponse> GetBaskets(GetBasketsRequest request, ServerCallContext call)
    {
        var items = await rows.ReadAsync(Batch.RequireIds(request.CustomerIds, "customer_ids"), call.CancellationToken);
        return new()
        {
            Baskets = { request.CustomerIds.Select(id => new GetBasketsResponse.Types.Contents { Items = { items[id].Select(item => new Item { ProductId = item.ProductId, Quantity = item.Quantity }) } }) },
        };
    }

    public override async Task<RemoveItemsResponse> RemoveItems(RemoveItemsRequest request, ServerCallContext call)
    {
        Batch.RequireIds(request.Orders.Select(order => order.OrderId), "orders");
        Batch.RequireIds(request.Orders.Select(order => order.CustomerId), "customers");
        if (!request.Orders.All(order => order.Items.All(item => item.Quantity >= 1) && order.Items.DistinctBy(item => item.ProductId).Count() == order.Items.Count))
            throw Batch.Invalid("items must each be of another product and of one piece or more.");
        await rows.RemoveAsync([.. request.Orders.DistinctBy(order => order.OrderId)], call.CancellationToken);
        return new();
    }
}

using Grpc.Core;
using Microsoft.AspNetCore.Authorization;
using Microsoft.EntityFrameworkCore;
using ShopMesh.Basket.Data;
using ShopMesh.Basket.V1;

namespace ShopMesh.Basket.Grpc;

[Authorize(Policies.Mesh)]
internal sealed class BasketService(BasketContext context) : V1.Basket.BasketBase
{
    public override async Task<GetBasketResponse> GetBasket(GetBasketRequest request, ServerCallContext call)
    {
        var items = await context.ReadAsync(Require(request.CustomerId, "customer_id"), call.CancellationToken);
        return new() { Items = { items.Select(item => new Item { ProductId = item.ProductId, Quantity = item.Quantity }) } };
    }

    /// <summary>One transaction: the order's mark decides whether anything is left to do, and the rows are locked in the order of their products.</summary>
    public override async Task<RemoveItemsResponse> RemoveItems(RemoveItemsRequest request, ServerCallContext call)
    {
        var customer = Require(request.CustomerId, "customer_id");
        var order = Require(request.OrderId, "order_id");
        var products = request.Items.Select(item => item.ProductId).ToArray();
        var quantities = request.Items.Select(item => item.Quantity).ToArray();
        if (products.Distinct().Count() != products.Length || quantities.Any(quantity => quantity < 1))
            throw Invalid("items must each be of another product and of one piece or more.");

        var cancellationToken = call.CancellationToken;
        await using var transaction = await context.Database.BeginTransactionAsync(cancellationToken);
        if (await context.Database.ExecuteSqlAsync($"INSERT INTO removed_orders (order_id, at) VALUES ({order}, clock_timestamp()) ON CONFLICT DO NOTHING", cancellationToken) == 0)
            return new();
        await context.Database.ExecuteSqlAsync($"SELECT FROM basket_items WHERE customer_id = {customer} AND product_id = ANY({products}) ORDER BY product_id FOR UPDATE", cancellationToken);
        await context.Database.ExecuteSqlAsync($"""
            DELETE FROM basket_items USING unnest({products}, {quantities}) AS ordered (product_id, quantity)
            WHERE basket_items.customer_id = {customer} AND basket_items.product_id = ordered.product_id AND basket_items.quantity <= ordered.quantity
            """, cancellationToken);
        await context.Database.ExecuteSqlAsync($"""
            UPDATE basket_items SET quantity = basket_items.quantity - ordered.quantity FROM unnest({products}, {quantities}) AS ordered (product_id, quantity)
            WHERE basket_items.customer_id = {customer} AND basket_items.product_id = ordered.product_id
            """, cancellationToken);
        // Nobody asks again after so long.
        await context.Database.ExecuteSqlAsync($"""
            DELETE FROM removed_orders WHERE order_id = ANY(ARRAY(
                SELECT order_id FROM removed_orders WHERE at < clock_timestamp() - interval '30 days' LIMIT 2 FOR UPDATE SKIP LOCKED))
            """, cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        return new();
    }

    private static string Require(string value, string field) => value.Length is > 0 and <= 64 ? value : throw Invalid($"{field} must have 1 to 64 characters.");

    private static RpcException Invalid(string detail) => new(new(StatusCode.InvalidArgument, detail));
}

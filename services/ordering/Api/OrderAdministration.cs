using System.ComponentModel.DataAnnotations;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;
using ShopMesh.Ordering.Data;

namespace ShopMesh.Ordering.Api;

internal static class OrderAdministration
{
    public static void MapOrderAdministration(this WebApplication app) => app.MapGet("/api/admin/orders", List)
        .RequireAuthorization(Policies.Admin)
        .WithTags("Administration")
        .WithSummary("Lists every order, by the time of its last change");

    private static async Task<Ok<Page<AdminOrderResponse>>> List(
        OrderingContext context, CancellationToken cancellationToken, DateTimeOffset? updatedSince = null, [Range(1, Page.MaxLimit)] int limit = Page.DefaultLimit, string? cursor = null)
    {
        var orders = context.Orders.AsNoTracking();
        if (updatedSince?.ToUniversalTime() is { } since)
            orders = orders.Where(order => order.UpdatedAt >= since);
        if (Cursor.DecodeTimeAndId(cursor) is var (at, id))
            orders = orders.Where(order => EF.Functions.GreaterThan(ValueTuple.Create(order.UpdatedAt, order.Id), ValueTuple.Create(at, id)));
        var found = await orders.OrderBy(order => order.UpdatedAt).ThenBy(order => order.Id).Take(limit + 1).ToListAsync(cancellationToken);
        return TypedResults.Ok(Page.Of(found, limit, order => new AdminOrderResponse(OrderResponse.From(order), order.CustomerId, order.UpdatedAt, order.Attempts, order.LastError), order => Cursor.Encode(order.UpdatedAt, order.Id)));
    }
}

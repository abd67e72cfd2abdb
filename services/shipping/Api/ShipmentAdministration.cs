using System.ComponentModel.DataAnnotations;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;
using ShopMesh.Shipping.Data;

namespace ShopMesh.Shipping.Api;

internal static class ShipmentAdministration
{
    public static void MapShipmentAdministration(this WebApplication app) => app.MapGet("/api/admin/shipments", List)
        .RequireAuthorization(Policies.Admin)
        .WithTags("Administration")
        .WithSummary("Lists every shipment, by the time of its last change");

    private static async Task<Ok<Page<AdminShipmentResponse>>> List(
        ShippingContext context, CancellationToken cancellationToken, DateTimeOffset? updatedSince = null, [Range(1, Page.MaxLimit)] int limit = Page.DefaultLimit, string? cursor = null)
    {
        var shipments = context.Shipments.AsNoTracking();
        if (updatedSince?.ToUniversalTime() is { } since)
            shipments = shipments.Where(shipment => shipment.UpdatedAt >= since);
        if (Cursor.DecodeTimeAndId(cursor) is var (at, id))
            shipments = shipments.Where(shipment => EF.Functions.GreaterThan(ValueTuple.Create(shipment.UpdatedAt, shipment.Id), ValueTuple.Create(at, id)));
        var found = await shipments.OrderBy(shipment => shipment.UpdatedAt).ThenBy(shipment => shipment.Id).Take(limit + 1).ToListAsync(cancellationToken);
        return TypedResults.Ok(Page.Of(found, limit, AdminShipmentResponse.From, shipment => Cursor.Encode(shipment.UpdatedAt, shipment.Id)));
    }
}

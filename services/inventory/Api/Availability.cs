using System.ComponentModel;
using Microsoft.AspNetCore.Http.HttpResults;
using ShopMesh.Inventory.Data;

namespace ShopMesh.Inventory.Api;

internal static class Availability
{
    public static void MapAvailability(this WebApplication app) => app.MapGet("/api/inventory", Get)
        .AllowAnonymous()
        .WithTags("Inventory")
        .WithSummary("What is available of some products; 0 for one without stock");

    private static async Task<Ok<AvailabilitiesResponse>> Get(
        InventoryContext context, CancellationToken cancellationToken, [Description("1 to 100 ids, separated by commas.")] string? productIds = null)
    {
        var ids = (productIds ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        if (ids.Length is 0 or > Page.MaxLimit)
            throw new InvalidFieldException("productIds", $"must be 1 to {Page.MaxLimit} ids, separated by commas");
        var available = await context.GetAvailableAsync(ids, cancellationToken);
        return TypedResults.Ok(new AvailabilitiesResponse([.. available.Select(item => new AvailabilityResponse(item.ProductId, item.Available))]));
    }
}

using System.ComponentModel.DataAnnotations;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;
using ShopMesh.Inventory.Data;

namespace ShopMesh.Inventory.Api;

internal static class Stocks
{
    public static void MapStock(this WebApplication app)
    {
        var stock = app.MapGroup("/api/inventory/{productId}").RequireAuthorization(Policies.Admin).WithTags("Inventory");
        stock.MapGet("/", Get).WithSummary("Reads a product's stock");
        stock.MapPut("/", Put).WithSummary("Sets what is on hand; the difference is booked as a correction").ProducesProblem(StatusCodes.Status409Conflict);

        app.MapGet("/api/admin/inventory", List).RequireAuthorization(Policies.Admin).WithTags("Administration").WithSummary("Lists all stock, by the time of its last change");
    }

    private static async Task<Results<Ok<StockResponse>, NotFound>> Get(string productId, InventoryContext context, CancellationToken cancellationToken) =>
        await context.Stock.AsNoTracking().SingleOrDefaultAsync(stock => stock.ProductId == productId, cancellationToken) is { } stock
            ? TypedResults.Ok(StockResponse.From(stock))
            : TypedResults.NotFound();

    private static async Task<Results<Ok<StockResponse>, ProblemHttpResult>> Put(string productId, StockRequest request, InventoryContext context, CancellationToken cancellationToken)
    {
        if (productId.Length > InventoryContext.MaxIdLength)
            throw new InvalidFieldException("productId", $"must have at most {InventoryContext.MaxIdLength} characters");
        var onHand = request.OnHand!.Value;
        await using var transaction = await context.Database.BeginTransactionAsync(cancellationToken);
        await context.Database.ExecuteSqlAsync($"""
            INSERT INTO stock (product_id, reserved, seeded, corrected, sold, returned, updated_at) VALUES ({productId}, 0, 0, 0, 0, 0, clock_timestamp())
            ON CONFLICT DO NOTHING
            """, cancellationToken);
        var changed = await context.Database.ExecuteSqlAsync($"""
            WITH before AS (SELECT product_id, on_hand FROM stock WHERE product_id = {productId} FOR UPDATE),
            booked AS (
                INSERT INTO ledger (product_id, kind, quantity, at)
                SELECT product_id, 'Corrected', {onHand} - on_hand, clock_timestamp() FROM before WHERE on_hand <> {onHand})
            UPDATE stock SET corrected = corrected + {onHand} - before.on_hand, updated_at = clock_timestamp()
            FROM before WHERE stock.product_id = before.product_id AND stock.reserved <= {onHand}
            """, cancellationToken);
        if (changed == 0)
            return TypedResults.Problem("More than that is reserved.", statusCode: StatusCodes.Status409Conflict);
        var stock = await context.Stock.AsNoTracking().SingleAsync(stock => stock.ProductId == productId, cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        return TypedResults.Ok(StockResponse.From(stock));
    }

    private static async Task<Ok<Page<AdminStockResponse>>> List(
        InventoryContext context, CancellationToken cancellationToken, DateTimeOffset? updatedSince = null, [Range(1, Page.MaxLimit)] int limit = Page.DefaultLimit, string? cursor = null)
    {
        var stock = context.Stock.AsNoTracking();
        if (updatedSince?.ToUniversalTime() is { } since)
            stock = stock.Where(s => s.UpdatedAt >= since);
        if (Cursor.DecodeTimeAndKey(cursor) is var (at, product))
            stock = stock.Where(s => EF.Functions.GreaterThan(ValueTuple.Create(s.UpdatedAt, s.ProductId), ValueTuple.Create(at, product)));
        var found = await stock.OrderBy(s => s.UpdatedAt).ThenBy(s => s.ProductId).Take(limit + 1).ToListAsync(cancellationToken);
        return TypedResults.Ok(Page.Of(found, limit, AdminStockResponse.From, s => Cursor.Encode(s.UpdatedAt, s.ProductId)));
    }
}

using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Security.Claims;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;
using Microsoft.EntityFrameworkCore;
using ShopMesh.Ordering.Data;
using ShopMesh.Ordering.Placing;
using ShopMesh.Ordering.Process;

namespace ShopMesh.Ordering.Api;

internal static class Orders
{
    public static void MapOrders(this WebApplication app)
    {
        var orders = app.MapGroup("/api/orders").RequireAuthorization(Policies.Customer).WithTags("Orders");
        orders.MapPost("/", Place).WithSummary("Orders the basket")
            .ProducesProblem(StatusCodes.Status409Conflict).ProducesProblem(StatusCodes.Status422UnprocessableEntity);
        orders.MapGet("/", List).WithSummary("Lists the customer's orders, newest first");
        orders.MapGet("/{id}", Get).WithSummary("Reads an order");
        orders.MapPost("/{id}/cancel", Cancel).WithSummary("Cancels an order that is not yet being dispatched").ProducesProblem(StatusCodes.Status409Conflict);
    }

    private static async Task<Results<Created<OrderResponse>, ProblemHttpResult>> Place(
        OrderRequest request,
        ClaimsPrincipal user,
        PlaceOrder placeOrder,
        CancellationToken cancellationToken,
        [FromHeader(Name = "Idempotency-Key"), Description("1 to 255 characters of the client's choice; the same request with the same key places one order.")] string? idempotencyKey = null)
    {
        if (idempotencyKey is not { Length: >= 1 and <= 255 })
            throw new InvalidFieldException("Idempotency-Key", "is a header of 1 to 255 characters, and must be there");
        return await placeOrder.PlaceAsync(user.CustomerId(), idempotencyKey, request, cancellationToken) switch
        {
            Placement.Placed placed => TypedResults.Created($"/api/orders/{placed.Receipt.Id}", placed.Receipt),
            Placement.KeyReused => TypedResults.Problem("The idempotency key was used for another request.", statusCode: StatusCodes.Status409Conflict),
            Placement.OtherTotal other => TypedResults.Problem($"The total is {other.Total} {Money.Currency}, not the expected one.", statusCode: StatusCodes.Status409Conflict),
            Placement.Refused refused => TypedResults.Problem(refused.Detail, statusCode: StatusCodes.Status422UnprocessableEntity),
            var other => throw new InvalidOperationException($"{other} has no answer."),
        };
    }

    private static async Task<Ok<Page<OrderResponse>>> List(
        ClaimsPrincipal user, OrderingContext context, CancellationToken cancellationToken, [Range(1, Page.MaxLimit)] int limit = Page.DefaultLimit, string? cursor = null)
    {
        var customer = user.CustomerId();
        var orders = context.Orders.AsNoTracking().Where(order => order.CustomerId == customer);
        if (Cursor.Decode(cursor, 1) is [var last])
        {
            if (!Guid.TryParse(last, out var before))
                Cursor.ThrowUnknown();
            orders = orders.Where(order => order.Id < before);
        }

        var found = await orders.OrderByDescending(order => order.Id).Take(limit + 1).ToListAsync(cancellationToken);
        return TypedResults.Ok(Page.Of(found, limit, OrderResponse.From, order => Cursor.Encode(order.Id.ToString())));
    }

    private static async Task<Results<Ok<OrderResponse>, NotFound>> Get(string id, ClaimsPrincipal user, OrderingContext context, CancellationToken cancellationToken) =>
        await context.FindOrderAsync(id, user.CustomerId(), cancellationToken) is { } order ? TypedResults.Ok(OrderResponse.From(order)) : TypedResults.NotFound();

    /// <summary>
    /// Decided by the order's row, in one statement: it takes the order away from whoever drives it, so that it ends cancelled
    /// whatever a running step answers. A repeat changes nothing.
    /// </summary>
    private static async Task<Results<Accepted, NotFound, ProblemHttpResult>> Cancel(
        string id, ClaimsPrincipal user, OrderingContext context, OrderWorker worker, CancellationToken cancellationToken)
    {
        var customer = user.CustomerId();
        if (!Guid.TryParse(id, out var key))
            return TypedResults.NotFound();
        var cancelled = await context.Database.ExecuteSqlAsync($"""
            UPDATE orders SET cancel_requested = true, step = 'Undo', lease = lease + 1, attempts = 0, due_at = clock_timestamp(), updated_at = clock_timestamp()
            WHERE id = {key} AND customer_id = {customer} AND NOT cancel_requested
                AND status IN ('Submitted', 'Reserved', 'Paid', 'Confirmed') AND step <> 'Dispatch'
            """, cancellationToken);
        worker.Wake();
        return cancelled > 0 ? TypedResults.Accepted($"/api/orders/{id}")
            : await context.FindOrderAsync(id, customer, cancellationToken) is not { } order ? TypedResults.NotFound()
            : order.CancelRequested ? TypedResults.Accepted($"/api/orders/{id}")
            : TypedResults.Problem($"It is too late to cancel: the order is {order.Status.ToString().ToLowerInvariant()}.", statusCode: StatusCodes.Status409Conflict);
    }

    /// <summary>A customer's order; another customer's is not there.</summary>
    public static async Task<Order?> FindOrderAsync(this OrderingContext context, string id, string customerId, CancellationToken cancellationToken) =>
        Guid.TryParse(id, out var key)
            ? await context.Orders.AsNoTracking().SingleOrDefaultAsync(order => order.Id == key && order.CustomerId == customerId, cancellationToken)
            : null;
}

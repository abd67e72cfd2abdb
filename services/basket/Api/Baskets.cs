using System.Security.Claims;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;
using ShopMesh.Basket.Data;

namespace ShopMesh.Basket.Api;

internal static class Baskets
{
    public static void MapBasket(this WebApplication app)
    {
        var basket = app.MapGroup("/api/basket").RequireAuthorization(Policies.Customer).WithTags("Basket");
        basket.MapGet("/", Get).WithSummary("Reads the basket, with the catalog's prices; what is no longer sold is left out");
        basket.MapDelete("/", Clear).WithSummary("Empties the basket");
        basket.MapPut("/items/{productId}", SetQuantity).WithSummary("Sets how many of a product are in the basket").ProducesProblem(StatusCodes.Status422UnprocessableEntity);
        basket.MapDelete("/items/{productId}", Remove).WithSummary("Takes a product out of the basket");
    }

    private static async Task<Ok<BasketResponse>> Get(ClaimsPrincipal user, PricedBasket basket, CancellationToken cancellationToken) =>
        TypedResults.Ok(await basket.ReadAsync(user.CustomerId(), cancellationToken));

    private static async Task<Results<Ok<BasketResponse>, NotFound, ProblemHttpResult>> SetQuantity(
        string productId, QuantityRequest request, ClaimsPrincipal user, PricedBasket basket, CancellationToken cancellationToken) =>
        await basket.SetAsync(user.CustomerId(), productId, request.Quantity!.Value, cancellationToken) switch
        {
            BasketChange.Done done => TypedResults.Ok(done.Basket),
            BasketChange.UnknownProduct => TypedResults.NotFound(),
            _ => TypedResults.Problem($"A basket holds {BasketContext.MaxProducts} different products at most.", statusCode: StatusCodes.Status422UnprocessableEntity),
        };

    private static async Task<NoContent> Remove(string productId, ClaimsPrincipal user, BasketContext context, CancellationToken cancellationToken)
    {
        var customer = user.CustomerId();
        await context.Items.Where(item => item.CustomerId == customer && item.ProductId == productId).ExecuteDeleteAsync(cancellationToken);
        return TypedResults.NoContent();
    }

    private static async Task<NoContent> Clear(ClaimsPrincipal user, BasketContext context, CancellationToken cancellationToken)
    {
        var customer = user.CustomerId();
        await context.Items.Where(item => item.CustomerId == customer).ExecuteDeleteAsync(cancellationToken);
        return TypedResults.NoContent();
    }
}
